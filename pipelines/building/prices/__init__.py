"""Which price book a build uses, what another one would change, and what prices say of the requests that landed."""
