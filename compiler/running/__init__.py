"""The real Terraform over compiled stacks: which, in what order, and what came of it."""
