"""The function that deploys an approved model to a SageMaker endpoint.

Shipped as it is: an archive holds the modules that its handler needs as `deployer/`. The handler of
an ml-pipeline is `deployer.handler.handler`, which CodePipeline drives; that of a model-hub is
`deployer.approvals.handler`, which events of the hub drive. It needs Python 3.11 or later, boto3 and
nothing of the compiler.
"""
