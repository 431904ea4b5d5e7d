"""What the kinds that serve models share: inputs, roles, alarms, the function that deploys."""
