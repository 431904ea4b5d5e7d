"""Real Terraform and the real AWS provider against a simulated AWS (`make test-rig`)."""
