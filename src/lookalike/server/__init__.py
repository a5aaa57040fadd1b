"""Collections over HTTP: `lookalike serve`. Needs the extra `server`.

The way of a request: `frame` (request id, headers, time), `doors` (host, origin), the route, which asks
`auth`, `intake` (the body) and `limits` (a place among those in work), and a collection of `deployments`.
"""
