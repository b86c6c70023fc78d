"""The HTTP edge: ASGI application, TLS, request info, the filter chain, negotiation, discovery, watch streams."""
