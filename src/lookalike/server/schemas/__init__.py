"""What requests may say and what answers say, as OpenAPI describes it."""
