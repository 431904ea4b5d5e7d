"""The function that deploys an approved model to a SageMaker endpoint.

This folder is shipped as it is: the archive holds it as `deployer/`, and the Lambda handler is
`deployer.handler.handler`. It needs Python 3.11 or later, boto3 and nothing of the compiler.
"""
