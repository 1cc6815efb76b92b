"""An async microservice host that loads plugins as remote Python wheels."""
