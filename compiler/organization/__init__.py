"""Who there is: accounts, projects, units, components, with settings inherited and names resolved."""
