"""Published tables of costs and outcomes through the whole product: task logs in, the same figures out of the marts."""
