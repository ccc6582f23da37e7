"""Function URLs of Lambda, of which moto has the configuration alone: requests that invoke a function."""
