"""What `TPOMiddleware` is made of: calls through an agent's handler, and structured answers."""
