"""`ml-pipeline`: train in one account, approve, serve in another.

A CodePipeline in the shared account takes a change of the source, trains in the training account
through a Step Functions state machine, waits for an approval, and deploys to each production
account in turn. There a Lambda function creates or updates the SageMaker endpoint and tells the
pipeline of success or failure. All data lie in one bucket of the shared account under one key:
`data/` (what is trained on), `source/` (for an S3 source), `models/` (what training made),
`releases/` (one manifest for each training run, which production deploys from), and the pipeline's own
artifacts below the first 20 characters of its name.

What an approval is worth: it is of a run, by its name. Manifest and model of the run lie in `releases/`
and `models/`, where the training account's roles write, and nothing compares them with what they were
when the approval was asked for. So whoever may pass or become the training role or the state machine's
in the training account, and whoever may change that state machine (with `state_machine:
cloudformation` whoever writes to the source), can replace what waits for an approval, and what was
approved and is not deployed yet. Keep `iam:PassRole` on these two roles to those who may change the
pipeline. The bucket keeps replaced versions for 90 days, for who looks into it later.

What to do by hand, once: complete the handshake of a new CodeConnections connection; confirm
e-mail subscriptions; with `state_machine: cloudformation`, put `assets/source/` into the source.
"""

from __future__ import annotations

from compiler.kinds.draft import Draft
from compiler.kinds.ml_pipeline import production, shared, training
from compiler.kinds.ml_pipeline.images import known_image
from compiler.kinds.ml_pipeline.inputs import Inputs, OwnImage
from compiler.kinds.ml_pipeline.names import Parties, Target
from compiler.kinds.parts import service_trust
from compiler.organization.kind import Kind
from compiler.organization.records import Account


def build(draft: Draft) -> None:
    """Declare every party first, then what each account holds."""
    if not known_image(draft) or not _captures_apart(draft):
        return
    parties = _parties(draft)
    training.build(parties)
    for target in parties.targets:
        production.build(parties, target)
    shared.build(parties)


def _captures_apart(draft: Draft) -> bool:
    """Whether each production account captures to a bucket of its own; reports it if not."""
    inputs: Inputs = draft.component.inputs
    first: dict[str, str] = {}
    for account in inputs.production:
        capture = draft.component.inputs_in(account.name).deploy.capture
        bucket = capture.s3_uri.split("/")[2] if capture else None
        if bucket and first.setdefault(bucket, account.name) != account.name:
            draft.problem(
                "E204",
                f'component "{draft.component.name}": "deploy.capture.s3_uri" is one bucket, '
                f'"{bucket}", for "{first[bucket]}" and "{account.name}"',
                hint="a bucket belongs to one account: write s3://acme-capture-{{ account.name }}",
            )
            return False
    return True


def _parties(draft: Draft) -> Parties:
    inputs: Inputs = draft.component.inputs
    home, trainer = inputs.shared, inputs.training
    key = draft.key(home, "artifacts", "artifacts", f"Data of {draft.component.name}")
    image = inputs.train.image
    pipeline_arn = draft.place(home).arn("codepipeline", draft.name("pipeline", "aws_codepipeline"))
    by_cloudformation = inputs.state_machine == "cloudformation"
    return Parties(
        draft=draft,
        inputs=inputs,
        key=key,
        bucket=draft.bucket(home, "artifacts", "artifacts", key),
        repository=draft.repository(home, "image", image.repository, existing=image.existing)
        if isinstance(image, OwnImage)
        else None,
        pipeline=draft.role(
            home,
            "pipeline",
            "pipeline",
            "Runs the pipeline",
            [service_trust("codepipeline.amazonaws.com", home.id, pipeline_arn)],
        ),
        train_action=draft.role(
            trainer, "train_action", "train-action", "The pipeline's hands in the training account"
        ),
        stack_role=draft.role(
            trainer,
            "state_machine_stack",
            "state-machine-stack",
            "CloudFormation makes the state machine with it",
            [service_trust("cloudformation.amazonaws.com")],
        )
        if by_cloudformation
        else None,
        machine_role=draft.role(
            trainer,
            "state_machine",
            "state-machine",
            "Trains and writes the release manifest",
            [service_trust("states.amazonaws.com", trainer.id)],
        ),
        train=draft.role(
            trainer,
            "train",
            "train",
            "SageMaker trains with it",
            [service_trust("sagemaker.amazonaws.com", trainer.id)],
        ),
        targets=tuple(_target(draft, home, account) for account in inputs.production),
    )


def _target(draft: Draft, home: Account, account: Account) -> Target:
    return Target(
        account=account,
        action=draft.role(
            account,
            "deploy_action",
            "deploy-action",
            "The pipeline's hands in a production account",
            several=True,
        ),
        deployer=draft.role(
            account,
            "deployer",
            "deployer",
            "Creates and updates the endpoint",
            [service_trust("lambda.amazonaws.com")],
            several=True,
        ),
        serve=draft.role(
            account,
            "serve",
            "serve",
            "SageMaker serves with it",
            [service_trust("sagemaker.amazonaws.com", account.id)],
            several=True,
        ),
        reporter=draft.role(
            home,
            f"reporter_{account.name}".replace("-", "_"),
            f"reporter-{account.name}",
            f"The deployer of {account.name} reports through it",
        ),
    )


KIND = Kind(
    name="ml-pipeline",
    summary="Train in one account, approve, serve in another (CodePipeline, Step Functions, SageMaker)",
    inputs=Inputs,
    build=build,
    home="shared",
    scopes={"train": "training", "deploy": "production"},
)
