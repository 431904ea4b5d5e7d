"""The codes of finished stacks (E401 to E502) and of stacks that the blueprint no longer makes (E601 to E603).

The examples are parts of a blueprint: `tests/test_codes.py` lays them over one that compiles. Where
no blueprint can show the code, they are the lines that it is about.
"""

from __future__ import annotations

from compiler.codes import Code

CODES: tuple[Code, ...] = (
    Code(
        code="E401",
        title="two components make the same thing",
        explanation=(
            "Two components make something of the same name in one account (or in the world, for a "
            "bucket), or a setting of which an account has only one. The second apply would fail, or "
            "take over what the first one made. Rename one of the two, or leave it to one component."
        ),
        wrong=(
            "components:\n  one: {kind: account-baseline, account: shared}\n"
            "  two: {kind: account-baseline, account: shared}\n"
        ),
        right=(
            "components:\n  one: {kind: account-baseline, account: shared}\n"
            "  two: {kind: account-baseline, account: training}\n"
        ),
    ),
    Code(
        code="E403",
        title="policy too long",
        explanation=(
            "AWS limits the length of a policy document, and this one is longer: the component has too "
            "many accounts or roles that are all to be allowed in it. AWS would refuse it at apply. "
            "Split the component."
        ),
        wrong="components:\n  churn:\n    uploaders: [role-1, role-2, role-3]   # and 450 more\n",
        right="components:\n  churn:\n    uploaders: [role-1, role-2, role-3]\n",
    ),
    Code(
        code="E404",
        title="pipeline setting too long",
        explanation=(
            "CodePipeline allows 1,000 characters in a configuration value of an action. The component's "
            "inputs make this one longer: the name of a branch or a repository, above all. CodePipeline "
            "would refuse the pipeline at apply. Choose shorter names."
        ),
        wrong="components:\n  churn:\n    source: {codecommit: {branch: release}}   # and 1,000 characters more\n",
        right="components:\n  churn:\n    source: {codecommit: {branch: release}}\n",
    ),
    Code(
        code="E405",
        title="training settings too long",
        explanation=(
            "The state machine reads what the blueprint says about training from a parameter of "
            "Systems Manager, which holds 4,096 bytes. AWS would refuse a longer value at apply. Give "
            "training fewer or shorter hyperparameters; a file below data/ holds any number of them."
        ),
        wrong="components:\n  churn:\n    train: {hyperparameters: {note: aaaa}}   # and 4,000 more\n",
        right="components:\n  churn:\n    train: {hyperparameters: {note: aaaa}}\n",
    ),
    Code(
        code="E406",
        title="stacks wait for each other",
        explanation=(
            "Of each stack in the message the next must be applied before it, and of the last the first. "
            "None could be applied as the first one. Google refuses a binding whose member or "
            "resource is not there yet, so a stack that has one comes after the stacks that make them; "
            "a kind may say more (`after`). Make two components of one, or leave out one of the two ways."
        ),
        wrong="stacks:\n  home: {after: [other]}\n  other: {after: [home]}\n",
        right="stacks:\n  home: {after: [other]}\n  other: {}\n",
    ),
    Code(
        code="E407",
        title="too many tags",
        explanation=(
            "A resource can have 50 tags on AWS, and 64 labels on Google Cloud. A stack's resources have "
            "those that its account inherits, the component's own, and `landform-component`. The cloud "
            "would refuse more at apply. Take some out."
        ),
        wrong=f"defaults:\n  tags: {{{', '.join(f't{number}: x' for number in range(50))}}}\n",
        right="defaults:\n  tags: {owner: ml-platform, cost-center: ml}\n",
    ),
    Code(
        code="E501",
        title="the provider's schema refuses it",
        explanation=(
            "A generated resource does not agree with the schema of its Terraform provider: an unknown "
            "attribute, a wrong type, a reference to what does not exist. With a kind of the catalog "
            "this is a defect of Landform, which should be reported; with a kind of your own it is in "
            "that kind. Nothing was written."
        ),
        wrong='{"aws_sns_topic": {"alerts": {"nmae": "alerts"}}}\n',
        right='{"aws_sns_topic": {"alerts": {"name": "alerts"}}}\n',
    ),
    Code(
        code="E502",
        title="text that the engine takes for its own",
        explanation=(
            "CDKTF marks places in texts with tokens such as `${TfToken[0]}`. A text of the "
            "blueprint that looks like one would not reach Terraform as it is written. Change the text."
        ),
        wrong='defaults:\n  tags: {note: "${TfToken[TOKEN.0]}"}\n',
        right="defaults:\n  tags: {note: TfToken}\n",
    ),
    Code(
        code="E601",
        title="stack without a component",
        explanation=(
            "The output has a stack that no component makes any more. If its file just went away, what "
            "it applied would stay in the account and nobody would know. List it under `removed`, and it "
            "becomes a stack without resources whose next apply destroys them; take the line out when "
            "that is done. If its component was renamed, write `renamed_from` there, and nothing is "
            "destroyed. The same counts for an organisation whose blueprint was taken out of a folder of "
            "several: the list belongs into the blueprint, so bring that back. If it was never applied, "
            "compile with `--prune`."
        ),
        wrong="components: {}                     # churn was taken out\n",
        right="components: {}\nremoved: [aws/shared/churn, aws/training/churn, aws/production/churn]\n",
    ),
    Code(
        code="E602",
        title="removed, and still made",
        explanation=(
            "A stack is listed under `removed`, and a component makes it. One of the two is wrong, and "
            "guessing could destroy it. Take the line out, or remove the component."
        ),
        wrong="removed: [aws/shared/churn]\n",
        right="removed: [aws/shared/fraud]\n",
    ),
    Code(
        code="E603",
        title="removed, and its account is gone",
        explanation=(
            "To destroy the resources of a stack, Terraform still needs the account's id and region, "
            "and the account of this one is not declared. Keep the account until the destroy is "
            "applied."
        ),
        wrong="removed: [aws/gone/fraud]\n",
        right="removed: [aws/production/fraud]\n",
    ),
    Code(
        code="E604",
        title="removed, and others are applied as its role",
        explanation=(
            "The stack made the role that the account's other stacks are applied as. Destroying it "
            "first would leave nobody who may change or destroy them. Remove the others first; they may "
            "be listed under removed together, and are then destroyed before it. If the component was "
            "renamed, write `renamed_from` in it instead."
        ),
        wrong="removed: [aws/shared/baseline]   # and a pipeline still uses the account\n",
        right="removed: [aws/shared/baseline, aws/shared/churn]\n",
    ),
    Code(
        code="E605",
        title="pruned, and its state holds resources",
        explanation=(
            "--prune is for stacks that were never applied, and the state file beside this one lists "
            "resources. Dropping the stack would orphan them. List it under removed and apply, then "
            "take the line out. State in a backend is not looked at."
        ),
        wrong="landform compile --prune\n",
        right="removed: [aws/shared/churn]\n",
    ),
    Code(
        code="E606",
        title="a stack would lose its state",
        explanation=(
            "The state of a renamed component stays under its former name, and the output says which. By "
            "the blueprint the stack would have another one, empty or another stack's, and what it "
            "applied would be orphaned and made a second time. Write `renamed_from` as it was: the first "
            "name that the component had. To have everything made anew under the new name, list the "
            "former path under `removed`."
        ),
        wrong="components:\n  churn-eu: {kind: ml-pipeline}          # it had renamed_from: churn\n",
        right="components:\n  churn-eu: {kind: ml-pipeline, renamed_from: churn}\n",
    ),
    Code(
        code="E607",
        title="an organisation of another name has these stacks",
        explanation=(
            "The output has the stacks of another organisation, which this run does not compile, in the "
            "same accounts and with the same components, and none of this one's. It was probably renamed: "
            "all names start with the organisation's, so everything would be made anew and what is there "
            "orphaned. Keep the name; or destroy the other's stacks first, by `removed`, and "
            "delete its folder. If both are there on purpose, compile with `--prune` once."
        ),
        wrong="organization: {name: acme-ml}          # it was acme\n",
        right="organization: {name: acme}\n",
    ),
)
