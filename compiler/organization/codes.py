"""The codes of the blueprint's shape (E201 to E204) and of what it refers to (E301 to E324).

The examples are parts of a blueprint: `tests/test_codes.py` lays them over one that compiles.
"""

from __future__ import annotations

from compiler.codes import Code

_SHAPE = (
    Code(
        code="E201",
        title="key missing",
        explanation=(
            "Something lacks a key that it cannot do without. The place shown is the key of what lacks "
            "it: the component, the account, or the part of it. Add the key; `landform kinds KIND` "
            "shows what each kind needs."
        ),
        wrong="accounts:\n  sandbox: {unit: workloads}\nunits: {workloads: {}}\n",
        right='accounts:\n  sandbox: {id: "444444444444", unit: workloads}\nunits: {workloads: {}}\n',
    ),
    Code(
        code="E202",
        title="unknown key",
        explanation=(
            "The blueprint, or this part of it, has no such key. It is most often misspelt, or stands "
            "one level too high or too low; what it was meant to say would be lost, so it is not passed "
            "over. Correct the key, or move it to where the hint says."
        ),
        wrong="components:\n  churn:\n    train: {instnce: ml.m6i.xlarge}\n",
        right="components:\n  churn:\n    train: {instance: ml.m6i.xlarge}\n",
    ),
    Code(
        code="E203",
        title="wrong type",
        explanation=(
            "The value is of another type than the key wants: text for a number, one value for a list, "
            "a list for a mapping, or nothing at all. Types are not converted silently, since a reader "
            "could not tell what comes of it. Numbers and `true` stand without quotes; YAML 1.2 does not "
            "know `yes` and `no`."
        ),
        wrong='components:\n  churn:\n    deploy: {min: "1"}\n',
        right="components:\n  churn:\n    deploy: {min: 1}\n",
    ),
    Code(
        code="E204",
        title="value not allowed",
        explanation=(
            "The value has the right type, and is not one of those that are allowed: a name of another "
            "form, a number out of range, an instance type that does not exist. The cloud would refuse "
            "it at the end of a long run. The message says what it must be."
        ),
        wrong='accounts:\n  sandbox: {id: "44444444444"}\n',
        right='accounts:\n  sandbox: {id: "444444444444"}\n',
    ),
)

_REFERENCES = (
    Code(
        code="E301",
        title="unknown account or project",
        explanation=(
            "A component names an account or project that the blueprint does not declare. Names are "
            "those under `accounts` and `projects`, not ids. Correct the name, or declare it."
        ),
        wrong="components:\n  churn:\n    production: [prodction]\n",
        right="components:\n  churn:\n    production: [production]\n",
    ),
    Code(
        code="E302",
        title="selector without a match",
        explanation=(
            "The selector matches no account or project, so that the component would silently do "
            "nothing. `*` is one level of the unit path, `**` any number of levels; tags are those that "
            "the account has after inheritance. Each part of a selector must match something in the "
            "organisation, also under `except`: a misspelt one would leave out too little. Correct the "
            "selector, or remove the component."
        ),
        wrong='components:\n  churn:\n    production: {unit: "workloads/*"}\n',
        right=(
            "units: {workloads/prod: {}}\n"
            'accounts:\n  production: {id: "333333333333", unit: workloads/prod}\n'
            'components:\n  churn:\n    production: {unit: "workloads/*"}\n'
        ),
    ),
    Code(
        code="E303",
        title="malformed selector",
        explanation=(
            'A selector is a name, a list of names, `"**"`, or a mapping of `unit`, `tags`, `names` and '
            "`except`. This is none of them, or it names an account twice. Write it in one of these "
            "forms."
        ),
        wrong="components:\n  churn:\n    production: {units: workloads}\n",
        right="components:\n  churn:\n    production: {names: [production]}\n",
    ),
    Code(
        code="E304",
        title="one account wanted",
        explanation=(
            "The input is for one account, and the selector matches several. Which one is meant cannot "
            "be guessed. Name the account."
        ),
        wrong="components:\n  churn:\n    training: [training, shared]\n",
        right="components:\n  churn:\n    training: training\n",
    ),
    Code(
        code="E305",
        title="unknown kind",
        explanation=(
            "The component is of a kind that neither the catalog nor the blueprint has. `landform kinds` "
            "lists all kinds with their inputs. Correct the name."
        ),
        wrong="components:\n  churn:\n    kind: ml-pipline\n",
        right="components:\n  churn:\n    kind: ml-pipeline\n",
    ),
    Code(
        code="E306",
        title="unknown unit",
        explanation=(
            "An account or project is in a unit that does not stand under `units`. Its parents may be "
            "left out, but the unit itself must be declared, even if it has no settings (`{}`): a "
            "misspelt unit would take an account out of every selector."
        ),
        wrong='accounts:\n  sandbox: {id: "444444444444", unit: workloads/dve}\nunits: {workloads/dev: {}}\n',
        right='accounts:\n  sandbox: {id: "444444444444", unit: workloads/dev}\nunits: {workloads/dev: {}}\n',
    ),
    Code(
        code="E307",
        title="id given twice",
        explanation=(
            "Two accounts, or two projects, have the same id, or two projects one number. What one component makes in one of them "
            "would clash with the other, and a selector would count the account twice. Correct one of "
            "the ids, or delete one of the entries."
        ),
        wrong='accounts:\n  sandbox: {id: "333333333333"}\n',
        right='accounts:\n  sandbox: {id: "444444444444"}\n',
    ),
    Code(
        code="E308",
        title="unknown region",
        explanation=(
            "The region is not in Landform's table of regions, or belongs to another partition or "
            "cloud than the account. A region newer than the table can be allowed: list it under "
            "`organization.aws.regions` or `organization.google.regions`."
        ),
        wrong="defaults: {aws: {region: eu-wset-1}}\n",
        right="defaults: {aws: {region: eu-west-1}}\n",
    ),
    Code(
        code="E309",
        title="no region",
        explanation=(
            "All stacks of a component are in one region: its own `region`, else that of its first "
            "account or project. Here neither says one. Write `region` under the component, or set it "
            "for accounts under `defaults`, a unit or the account."
        ),
        wrong="defaults: {aws: {region: null}}\n",
        right="defaults: {aws: {region: eu-west-1}}\n",
    ),
    Code(
        code="E310",
        title="for_each does not fit",
        explanation=(
            "`for_each` makes one instance of a component for each account or project, so it is for "
            "kinds of one account or project, and has one key, `accounts` or `projects`. Other kinds "
            "name their accounts in their inputs, which take selectors too. The input that names the "
            "account is set to each match, so it does not stand beside `for_each`."
        ),
        wrong='components:\n  churn:\n    for_each: {accounts: "**"}\n',
        right='components:\n  baseline:\n    kind: account-baseline\n    for_each: {accounts: "**"}\n',
    ),
    Code(
        code="E311",
        title="extends cannot be followed",
        explanation=(
            "`extends` takes over the keys of another component of the same blueprint. This one does not "
            "exist, or the components extend each other in a circle. Correct the name, or leave "
            "`extends` out of one of them."
        ),
        wrong="components:\n  second: {extends: chrun, deploy: {endpoint: second}}\n",
        right=(
            "components:\n  second:\n    extends: churn\n    deploy: {endpoint: second}\n"
            "    source: {codecommit: {repository: second}}\n"
        ),
    ),
    Code(
        code="E312",
        title="minimum above maximum",
        explanation=(
            "The fewest instances are more than the most instances. Autoscaling would refuse such a "
            "range. Without `max` it is 1. Raise `max` or lower `min`."
        ),
        wrong="components:\n  churn:\n    deploy: {min: 4, max: 2}\n",
        right="components:\n  churn:\n    deploy: {min: 2, max: 4}\n",
    ),
    Code(
        code="E315",
        title="unknown language version",
        explanation=(
            "`landform` is the version of the language, a whole number, and this compiler knows "
            "version 1. A blueprint of a later version may mean something else by the same words. Write "
            "`landform: 1`, or use a newer Landform."
        ),
        wrong="landform: 2\n",
        right="landform: 1\n",
    ),
    Code(
        code="E316",
        title="variable refers to itself",
        explanation=(
            "The value of a variable needs the variable's own value, directly or through others. A value "
            "of the same name from `defaults` or a unit is hidden by it, so it cannot be extended that "
            "way. Use another name for one of them."
        ),
        wrong='defaults:\n  vars: {one: "{{ vars.two }}", two: "{{ vars.one }}"}\n',
        right='defaults:\n  vars: {one: 1, two: "{{ vars.one }}"}\n',
    ),
    Code(
        code="E317",
        title="organisation with two blueprints",
        explanation=(
            "Two blueprints of the folder have the same organisation name, and would write to the same "
            "folder of the output. Rename one of them, or make them one blueprint: a folder with a "
            "`landform.yaml` whose files are merged."
        ),
        wrong="blueprints/one.yaml   # organization: {name: acme}\nblueprints/two.yaml   # organization: {name: acme}\n",
        right="blueprints/one.yaml   # organization: {name: acme}\nblueprints/two.yaml   # organization: {name: other}\n",
    ),
    Code(
        code="E318",
        title="renamed from a name that is not free",
        explanation=(
            "`renamed_from` says the name that a component had, under which its state and its names in "
            "the cloud stay. This one is its own, or another component has it or had it too: both would "
            "have one state, and each apply would destroy what the other made. Rename the other as well, "
            "or take the key out."
        ),
        wrong="components:\n  second: {extends: churn, renamed_from: churn}\n",
        right="components:\n  churn: {renamed_from: churn-model}\n",
    ),
    Code(
        code="E319",
        title="nothing there to adopt into",
        explanation=(
            "`adopt` says by account or project, and by Terraform's address, which resource of the "
            "component's stack takes over something that exists. The component has no stack there, or the "
            "stack no such resource. The addresses are those under `resource` in its `main.tf.json`."
        ),
        wrong=(
            "components:\n  churn:\n"
            "    adopt: {shared: {aws_s3_bucket.artefacts: acme-churn-artifacts-111111111111}}\n"
        ),
        right=(
            "components:\n  churn:\n"
            "    adopt: {shared: {aws_s3_bucket.artifacts: acme-churn-artifacts-111111111111}}\n"
        ),
    ),
    Code(
        code="E320",
        title="not the thing that the stack means",
        explanation=(
            "What is adopted has another name than the resource, so that Terraform would import it, destroy "
            "it and make one of the right name. Or it is in another account, or adopted twice. Names are "
            "fixed by the names of organisation and component: adopt a thing that is called so, or leave "
            "it where it is."
        ),
        wrong="components:\n  churn:\n    adopt: {shared: {aws_s3_bucket.artifacts: churn-data}}\n",
        right=(
            "components:\n  churn:\n"
            "    adopt: {shared: {aws_s3_bucket.artifacts: acme-churn-artifacts-111111111111}}\n"
        ),
    ),
    Code(
        code="E321",
        title="approver of another account",
        explanation=(
            "CodePipeline takes approvals from principals of its own account: there is no policy that "
            "would admit a role of another one. Name a role of the shared account, which people of the "
            "other account may assume."
        ),
        wrong="components:\n  churn:\n    approval: {by: [{role: approver, account: production}]}\n",
        right="components:\n  churn:\n    approval: {by: [{role: approver}]}\n",
    ),
    Code(
        code="E322",
        title="deploy role without a name",
        explanation=(
            "The component makes the role that Terraform is applied with, and the blueprint does not say "
            "what it is called. Every provider block assumes it by that name. Name it under "
            "`deploy.aws.role`; on Google the service account under `deploy.google.service_account`, as "
            "one of a project that the blueprint declares and whose baseline makes it."
        ),
        wrong=(
            "components:\n  baseline:\n    kind: account-baseline\n    account: shared\n"
            "    deploy_from: {github: {owner: acme, repository: platform}}\n"
        ),
        right=(
            "deploy: {aws: {role: landform-deploy}}\n"
            "components:\n  baseline:\n    kind: account-baseline\n    account: shared\n"
            "    deploy_from: {github: {owner: acme, repository: platform}}\n"
        ),
    ),
    Code(
        code="E323",
        title="state bucket cannot be made",
        explanation=(
            "The component makes the bucket of Terraform's state. Its name and region are those of "
            "`state.aws`, which every backend uses, and here the blueprint does not say them, or says a "
            "region that the component is not in. Name the bucket under `state.aws`, and put the "
            "component into the same region; on Google name it under `state.google`."
        ),
        wrong="components:\n  baseline: {kind: account-baseline, account: shared, state_bucket: true}\n",
        right=(
            "state: {aws: {bucket: acme-tfstate, region: eu-west-1}}\n"
            "components:\n  baseline: {kind: account-baseline, account: shared, state_bucket: true}\n"
        ),
    ),
    Code(
        code="E324",
        title="no budgets in this partition",
        explanation=(
            "AWS Budgets exists, and counts in US dollars, in the standard partition only. In China and "
            "GovCloud the apply would fail. Leave budget out there."
        ),
        wrong=(
            "organization: {name: acme, aws: {partition: aws-us-gov}}\n"
            "defaults: {aws: {region: us-gov-west-1}}\n"
            "components:\n  base: {kind: account-baseline, account: shared, "
            "budget: {monthly_usd: 100, notify: [a@acme.example]}}\n"
        ),
        right=(
            "organization: {name: acme, aws: {partition: aws-us-gov}}\n"
            "defaults: {aws: {region: us-gov-west-1}}\n"
            "components:\n  base: {kind: account-baseline, account: shared}\n"
        ),
    ),
    Code(
        code="E331",
        title="two kinds of one name",
        explanation=(
            "A kind of the team's own, in `kinds/` or an installed package, has the name of another "
            "kind. What a component of that name is could then change without a word. Rename the file, "
            "or the kind of the package."
        ),
        wrong="blueprints/acme/kinds/ml-pipeline.yaml\n",
        right="blueprints/acme/kinds/our-pipeline.yaml\n",
    ),
    Code(
        code="E332",
        title="installed kind that does not work",
        explanation=(
            "A component is of a kind that an installed Python package has, and the package cannot be "
            "loaded, its entry point is no kind, or the kind failed while it built the component. That is "
            "for the package to repair; the blueprint may be right."
        ),
        wrong='[project.entry-points."landform.kinds"]\nnotebook = "acme_kinds:NOTEBOK"\n',
        right='[project.entry-points."landform.kinds"]\nnotebook = "acme_kinds:NOTEBOOK"\n',
    ),
    Code(
        code="E341",
        title="another component that is not there",
        explanation=(
            "An input names another component of the blueprint: a model hub, say, whose models are "
            "offered or served. No component has that name, or it is of another kind. Name one that "
            "the blueprint declares."
        ),
        wrong=(
            "components:\n  models:\n    kind: model-hub\n    account: shared\n"
            '    groups: {churn: {image: {builtin: xgboost, version: "1.7-1"}}}\n'
            "  churn:\n    kind: ml-pipeline\n    shared: shared\n    training: training\n"
            "    production: [production]\n    register: {hub: modles, group: churn}\n"
        ),
        right=(
            "components:\n  models:\n    kind: model-hub\n    account: shared\n"
            '    groups: {churn: {image: {builtin: xgboost, version: "1.7-1"}}}\n'
            "  churn:\n    kind: ml-pipeline\n    shared: shared\n    training: training\n"
            "    production: [production]\n    register: {hub: models, group: churn}\n"
        ),
    ),
    Code(
        code="E342",
        title="the other component has no such part",
        explanation=(
            "An input names a part of another component, such as a group of a model hub, which that "
            "component does not declare. Name one that it has, or add it there."
        ),
        wrong=(
            "components:\n  models:\n    kind: model-hub\n    account: shared\n"
            '    groups: {churn: {image: {builtin: xgboost, version: "1.7-1"}}}\n'
            "  churn:\n    kind: ml-pipeline\n    shared: shared\n    training: training\n"
            "    production: [production]\n    register: {hub: models, group: chrun}\n"
        ),
        right=(
            "components:\n  models:\n    kind: model-hub\n    account: shared\n"
            '    groups: {churn: {image: {builtin: xgboost, version: "1.7-1"}}}\n'
            "  churn:\n    kind: ml-pipeline\n    shared: shared\n    training: training\n"
            "    production: [production]\n    register: {hub: models, group: churn}\n"
        ),
    ),
    Code(
        code="E343",
        title="a project without its number",
        explanation=(
            "Google names service agents and workload identities by the project's number, which only "
            "Google knows. Copy it from `gcloud projects describe` and write it as a string."
        ),
        wrong=(
            "projects: {train-eu: {id: acme-train-eu}}\n"
            "components:\n  base:\n    kind: project-baseline\n    project: train-eu\n"
            "    region: europe-west4\n    budget: {billing_account: 01AB23-4CD567-8EF901, "
            "monthly_usd: 100, notify: [a@acme.example]}\n"
        ),
        right=(
            'projects: {train-eu: {id: acme-train-eu, number: "100000000001"}}\n'
            "components:\n  base:\n    kind: project-baseline\n    project: train-eu\n"
            "    region: europe-west4\n    budget: {billing_account: 01AB23-4CD567-8EF901, "
            "monthly_usd: 100, notify: [a@acme.example]}\n"
        ),
    ),
)

CODES: tuple[Code, ...] = (*_SHAPE, *_REFERENCES)
