"""From a source of events to a screen, or to lines where there is none."""
