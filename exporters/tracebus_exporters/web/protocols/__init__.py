"""What chat front ends understand: AG-UI, the Vercel AI SDK, LangServe, plain text."""
