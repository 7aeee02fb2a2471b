"""OTLP on its way: bytes, clients, the queue and its thread, deadlines, losses."""
