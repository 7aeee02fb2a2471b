"""What a browser looks at: the list of runs, one run's document, and who follows them."""
