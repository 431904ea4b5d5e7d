"""Codes of the policy rules: `wrong` and `right` are statements of generated policies."""

from __future__ import annotations

from compiler.access.google_codes import CODES as GOOGLE
from compiler.codes import Code

CODES: tuple[Code, ...] = (
    Code(
        code="E801",
        title="a policy allows every action, or every action of a service",
        explanation=(
            "Such a statement grows with every action that AWS adds, among them deleting and "
            "changing permissions. List the actions that are needed; `s3:GetObject*` is fine."
        ),
        wrong='"Effect": "Allow", "Action": ["s3:*"]',
        right='"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"]',
    ),
    Code(
        code="E802",
        title="NotAction, NotResource or NotPrincipal under Allow",
        explanation=(
            "It allows everything that is not named, also what AWS adds tomorrow. List what is "
            "allowed, or write the exception as a Deny."
        ),
        wrong='"Effect": "Allow", "NotAction": ["iam:*"]',
        right='"Effect": "Allow", "Action": ["sagemaker:CreateModel"]',
    ),
    Code(
        code="E803",
        title="a broad managed policy is attached",
        explanation=(
            "Policies of AWS that end in FullAccess, and a few like AdministratorAccess, reach every "
            "resource of the account, and AWS changes them without asking. Write a policy of the "
            "actions and resources that are needed."
        ),
        wrong='"policy_arn": "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"',
        right='"Action": ["sagemaker:CreateModel"], "Resource": ["arn:aws:sagemaker:…:model/churn-*"]',
    ),
    Code(
        code="E804",
        title="a policy names every resource where it could name some",
        explanation=(
            "The action can be limited to resources, by the table of IAM actions that Landform "
            "carries. Name them, or add a condition where the id is not known in advance. "
            '`"*"` is right only for actions that know no resource.'
        ),
        wrong='"Action": ["s3:GetObject"], "Resource": ["*"]',
        right='"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme-models/*"]',
    ),
    Code(
        code="E805",
        title="AWS has no such action",
        explanation=(
            "IAM accepts any text as an action, so a misspelled one is applied without a word and "
            "allows nothing. Landform compares with the table of IAM actions that it carries."
        ),
        wrong='"Action": ["s3:GetObjects"]',
        right='"Action": ["s3:GetObject"]',
    ),
    Code(
        code="E806",
        title="an action does not apply to the resource",
        explanation=(
            "Each action knows certain types of resources: s3:GetObject objects, s3:ListBucket "
            "buckets. Given another, the statement is stored and allows nothing. In the policy of a "
            "resource only actions of its service count."
        ),
        wrong='"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme-models"]',
        right='"Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme-models/*"]',
    ),
    Code(
        code="E807",
        title="IAM has no such condition operator",
        explanation="The operator is misspelled; AWS refuses the policy when it is applied.",
        wrong='"Condition": {"StringEqual": {"aws:SourceAccount": "111111111111"}}',
        right='"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}',
    ),
    Code(
        code="E808",
        title="no request of the action has the condition key",
        explanation=(
            "AWS accepts any text as a condition key. A key that requests don't have makes an Allow "
            "idle, and a Deny too unless it says IfExists. Correct the key, or take the action to a "
            "statement without it."
        ),
        wrong='"Action": ["iam:PassRole"], "Condition": {"StringEquals": {"iam:PassToService": …}}',
        right='"Action": ["iam:PassRole"], "Condition": {"StringEquals": {"iam:PassedToService": …}}',
    ),
    Code(
        code="E809",
        title="Principal where it may not be, or none where it must be",
        explanation=(
            "An identity policy speaks of the role that has it, so it has no Principal; the policy "
            "of a role's trust, a key or another resource says for whom each statement is."
        ),
        wrong='aws_s3_bucket_policy: {"Effect": "Allow", "Action": ["s3:GetObject"], …}',
        right='aws_s3_bucket_policy: {"Effect": "Allow", "Principal": {"AWS": "arn:…"}, …}',
    ),
    Code(
        code="E810",
        title="a policy allows everybody",
        explanation=(
            'The principal "*" is everybody on AWS, also without an account. A condition is one '
            "edit away from being dropped, so Landform asks for the principal itself."
        ),
        wrong='"Effect": "Allow", "Principal": "*"',
        right='"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/train"}',
    ),
    Code(
        code="E811",
        title="a policy admits all of an account",
        explanation=(
            "The root of an account stands for every principal of it. Add aws:PrincipalArn with the "
            "role; the organisation's id alone does not narrow the account. In a trust policy that "
            "counts for the role's own account too."
        ),
        wrong='"Principal": {"AWS": "arn:aws:iam::222222222222:root"}',
        right='… "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/train"}}',
    ),
    Code(
        code="E812",
        title="iam:PassRole is not exact",
        explanation=(
            "Whoever may pass a role to a service can act as that role. Name the role without "
            "wildcards, and the service with iam:PassedToService."
        ),
        wrong='"Action": ["iam:PassRole"], "Resource": ["arn:aws:iam::111111111111:role/*"]',
        right='… "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}',
    ),
    Code(
        code="E813",
        title="one trust statement for several principals",
        explanation=(
            "Conditions that fit one principal seldom fit another, and one that is forgotten is not "
            "seen. Give each service and each remote principal a statement of its own."
        ),
        wrong='"Principal": {"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}',
        right='"Principal": {"Service": "lambda.amazonaws.com"}',
    ),
    Code(
        code="E814",
        title="two statements of a policy have one Sid",
        explanation="AWS refuses the policy when it is applied. Rename one of them.",
        wrong='[{"Sid": "Read", …}, {"Sid": "Read", …}]',
        right='[{"Sid": "ReadData", …}, {"Sid": "ReadModels", …}]',
    ),
    Code(
        code="E815",
        title="a statement can never match",
        explanation=(
            "One of its lists is empty, or a wildcard matches no action, so it allows or denies "
            "nothing. Drop the statement, or name what was meant."
        ),
        wrong='"Action": ["sagemaker:Train*"]',
        right='"Action": ["sagemaker:CreateTrainingJob"]',
    ),
    Code(
        code="E816",
        title="a policy breaks IAM's grammar",
        explanation=(
            "An element is misspelled, missing, or not allowed there. Terraform and the provider "
            "don't look into policies; AWS refuses it only when it is applied."
        ),
        wrong='{"effect": "allow", "Action": ["s3:GetObject"]}',
        right='{"Effect": "Allow", "Action": ["s3:GetObject"]}',
    ),
    Code(
        code="E817",
        title="a policy that cannot be read",
        explanation=(
            "The policy is an expression whose value is known only to Terraform, so nothing can be "
            "said about who may do what. Give it as jsonencode of a local value or as JSON text."
        ),
        wrong='"policy": "${data.aws_iam_policy_document.read.json}"',
        right='"policy": "${jsonencode(local.read)}"',
    ),
    Code(
        code="E818",
        title="AWS has no such managed policy",
        explanation=(
            "The name or the path of a managed policy is wrong by the table that Landform carries; "
            "attaching it would fail. Some have a path such as /service-role/."
        ),
        wrong='"policy_arn": "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole"',
        right='"policy_arn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"',
    ),
    Code(
        code="E819",
        title="everybody of an identity provider is trusted",
        explanation=(
            "A provider such as GitHub Actions signs tokens for all of its users. Without exact aud "
            "and sub, any of them becomes the role. Ask for both."
        ),
        wrong='"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}',
        right='"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:acme/ml:ref:refs/heads/main"}',
    ),
    Code(
        code="E820",
        title="an action that only a condition keeps narrow",
        explanation=(
            "A grant hands a key on, a service-linked role gives a service its permissions, a model that is "
            "registered may be approved at once; the resource of the statement does not say to whom, or "
            "how. Add the condition that does."
        ),
        wrong='"Action": ["kms:CreateGrant"], "Resource": ["arn:aws:kms:…:key/…"]',
        right='… "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}',
    ),
    Code(
        code="E821",
        title="a service is admitted whatever account it acts for",
        explanation=(
            "Other accounts use the same service, and it would act for them on this resource (the "
            "confused deputy). Add aws:SourceArn or aws:SourceAccount; Landform knows the services "
            "that don't send them, and those of which the ARN is needed, as the account would admit "
            "all that it runs there."
        ),
        wrong='"Principal": {"Service": "s3.amazonaws.com"}, "Action": ["sns:Publish"]',
        right='… "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}',
    ),
    Code(
        code="E822",
        title="a bucket without its guards",
        explanation=(
            "Whatever else its policy allows, a bucket refuses requests without TLS; one with a key of "
            "yours also refuses uploads that are encrypted otherwise, as nothing of the key's policy "
            "would hold for them. Uploads as they should be must pass. Landform tries such requests on "
            "the policy, however it is written."
        ),
        wrong='{"Effect": "Deny", …, "Resource": ["arn:aws:s3:::acme-models"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}',
        right='{"Effect": "Deny", …, "Resource": ["arn:aws:s3:::acme-models", "arn:aws:s3:::acme-models/*"], …}',
    ),
    Code(
        code="E823",
        title="a service becomes a role for anybody",
        explanation=(
            "The service says for whom it becomes the role, and the trust policy does not ask. Add "
            "aws:SourceAccount with the role's own account, or aws:SourceArn; for EventBridge, "
            "Pipes and CodePipeline the ARN, as their roles are for one rule, pipe or pipeline each."
        ),
        wrong='"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": ["sts:AssumeRole"]',
        right='… "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}',
    ),
    Code(
        code="E824",
        title="a key's account uses it, or cannot administer it",
        explanation=(
            "The root of the key's account stands for every identity policy there. It needs each "
            "action of administration, or nobody could change or delete the key any more; with an "
            "action of use, any of those policies could open what the key protects."
        ),
        wrong='"Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": ["kms:*"]',
        right='… "Action": ["kms:CancelKeyDeletion", "kms:CreateAlias", …]; and kms:Decrypt for roles',
    ),
    Code(
        code="E825",
        title="a service may do more or less than it does",
        explanation=(
            "Services publish to topics, send to queues, invoke functions, use keys, become roles. An "
            "action beside these is of no use to them and may be to somebody who makes them act."
        ),
        wrong='aws_sns_topic_policy: … "Service": "cloudwatch.amazonaws.com", "Action": ["sns:DeleteTopic"]',
        right='aws_sns_topic_policy: … "Service": "cloudwatch.amazonaws.com", "Action": ["sns:Publish"]',
    ),
    Code(
        code="E826",
        title="a service may not do what a resource asks of it",
        explanation=(
            "An alarm, a rule, a bucket's notification, a subscription or a log group has a service "
            "call something of these stacks, whose policy (or whose key's) refuses it. Nothing would "
            "fail when it is applied; messages and logs would be lost. Admit the service there."
        ),
        wrong="aws_cloudwatch_metric_alarm.alarm_actions → a topic whose policy doesn't admit CloudWatch",
        right='"Service": "cloudwatch.amazonaws.com", … "Action": ["sns:Publish"], and the same on its key',
    ),
    Code(
        code="E827",
        title="a bucket's policy names something else",
        explanation=(
            "S3 refuses a bucket policy that names anything but the bucket and its objects, also `*`. "
            "Name the bucket."
        ),
        wrong='aws_s3_bucket_policy: {"Effect": "Deny", …, "Resource": ["*"]}',
        right='aws_s3_bucket_policy: {"Effect": "Deny", …, "Resource": ["arn:aws:s3:::acme-models/*"]}',
    ),
    Code(
        code="E828",
        title="nobody can become the role",
        explanation=(
            "The trust policy of a role must have a way in: a service, another role, a workflow's "
            "token. Of a role that a provider block names it is not enough to come in by a token: "
            "Terraform becomes the role once more by its name, so that it must also admit itself, on "
            "both sides."
        ),
        wrong='"Principal": {"Federated": "arn:aws:iam::…:oidc-provider/…"}, … and nothing else',
        right='… and "Principal": {"AWS": "arn:aws:iam::111111111111:root"} with aws:PrincipalArn of the role',
    ),
    Code(
        code="E829",
        title="an exception from a rule that nothing needs",
        explanation=(
            "The blueprint lists it under `rules`, and nothing that it fits breaks that rule. One that "
            "stays would hide what breaks the rule there later. Take it out, or correct its patterns."
        ),
        wrong="rules: {E804: [{stack: aws/*/*, address: aws_iam_role_policy.*, reason: …}]}, and no finding",
        right="rules: {E804: [{stack: aws/shared/scan, address: aws_iam_role_policy.scan, reason: …}]}",
    ),
    Code(
        code="E831",
        title="a grant that the policies don't allow",
        explanation=(
            "The ledger has an edge that AWS would refuse by the policies of this very output: one "
            "of its statements is too narrow, names another principal, or another statement denies. "
            "The hint names the statements on the side that refuses. Where it says what the edge depends "
            "on, a policy asks for something that only the call tells (a time, a network, a tag): declare "
            "it as a condition of the grant, or take it out of the policy. Where a kind of your own makes "
            "the policies, let its grants write both halves. On Google the binding says another member, "
            "role, resource or condition than the edge; of a right, the resource that gives it says "
            "another principal, name, namespace or cluster."
        ),
        wrong='identity: {"Action": ["s3:GetObject"], …}; bucket policy: {"Action": ["s3:PutObject"], …}',
        right='identity: {"Action": ["s3:GetObject"], …}; bucket policy: {"Action": ["s3:GetObject"], …}',
    ),
    Code(
        code="E832",
        title="a grant rests on a statement that is not there",
        explanation=(
            "The ledger says which statements make an edge true, and no policy has this one: half of "
            "the grant is missing. A kind must write the policy of each role, bucket, key and "
            "repository that its grants name; on Google it is the binding that is missing, of a right the "
            "resource that gives it."
        ),
        wrong='"statements": [{"sid": "TrainReadsData", …}] and no policy with that Sid',
        right='"statements": [{"sid": "TrainReadsData", …}] and "Sid": "TrainReadsData" in the policy',
    ),
    Code(
        code="E833",
        title="a policy admits more than the ledger declares",
        explanation=(
            "The policy of a role's trust, a key, a bucket or another resource names a principal, an "
            "action or a resource that no edge of the ledger has; on Google it is a binding, or an entry "
            "of an access list. It may also be an access entry of a cluster, a share, an attached policy of "
            "AWS or another right. Such access would be in no review of access.json. Declare it as a grant, "
            "a right with Draft.right, or take it out."
        ),
        wrong='"Principal": {"AWS": "arn:aws:iam::222222222222:role/train"}, and no edge of that role',
        right='"Principal": {"AWS": "arn:aws:iam::222222222222:role/train"}, and an edge of that role',
    ),
    Code(
        code="E834",
        title="a role's policy has more than the ledger declares",
        explanation=(
            "A statement in the policy of a role has an action or a resource that no edge of the role "
            "has. With the other half in place, now or later, it would be access that nobody declared. "
            "Declare it as a grant, or take it out."
        ),
        wrong='"Action": ["s3:GetObject", "s3:DeleteObject"], and an edge with s3:GetObject alone',
        right='"Action": ["s3:GetObject"], and an edge with s3:GetObject',
    ),
    Code(
        code="E835",
        title="a service works as a role that doesn't trust it",
        explanation=(
            "The role is passed to the service, or a resource of the service names it, and the "
            "role's trust policy doesn't admit the service for this account. The call would fail when "
            "the resource is made or first used. Add the service to the trust policy."
        ),
        wrong='aws_lambda_function.role → a role with "Principal": {"Service": "states.amazonaws.com"}',
        right='aws_lambda_function.role → a role with "Principal": {"Service": "lambda.amazonaws.com"}',
    ),
    *GOOGLE,
)

# Rules that a blueprint may make exceptions from, with a reason. What the proof finds has none: the
# ledger would not be true.
TUNABLE = frozenset(
    code.code
    for code in CODES
    if "E801" <= code.code < "E829" or code.code in {google.code for google in GOOGLE}
)
