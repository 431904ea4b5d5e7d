"""The codes of files (E001 to E009), YAML (E010 to E025) and expressions (E101 to E108).

The examples are YAML; where no content of a file can show it, a command or a listing of files.
"""

from __future__ import annotations

from compiler.codes import Code

CODES: tuple[Code, ...] = (
    Code(
        code="E001",
        title="blueprint not found",
        explanation=(
            "The path on the command line names neither a file nor a folder. Nothing can be "
            "compiled. Correct the path; without one, `blueprints/` is read."
        ),
        wrong=("landform compile blueprint/   # the folder is blueprints/\n"),
        right=("landform compile blueprints/\n"),
    ),
    Code(
        code="E002",
        title="no blueprint in the folder",
        explanation=(
            "A folder is a blueprint when `landform.yaml` lies directly in it; otherwise each "
            "*.yaml and *.yml file in it is one, and each sub-folder with a `landform.yaml`. Here "
            "there is none of them, or a sub-folder holds YAML and no `landform.yaml`, so that what it "
            "says would be passed over. Add a `landform.yaml`, or name another folder."
        ),
        wrong=("blueprints/acme/accounts.yaml       # blueprints/acme has no landform.yaml\n"),
        right=("blueprints/acme/landform.yaml\n"),
    ),
    Code(
        code="E003",
        title="file cannot be read",
        explanation=(
            "The file exists, but the system does not let Landform read it: permissions, a link "
            "that leads nowhere or in a circle, or no regular file at all (a pipe, a device). "
            "What it says would be missing in the output, so nothing is written. Correct the "
            "permissions or the link."
        ),
        wrong=("accounts.yaml -> accounts.yaml        # a link to itself\n"),
        right=("accounts.yaml                         # a file\n"),
    ),
    Code(
        code="E004",
        title="not UTF-8",
        explanation=(
            "Blueprints are UTF-8. A byte at this place belongs to some other encoding, so that "
            "its character cannot be told. Save the file as UTF-8."
        ),
        wrong=("tags: {owner: M\xfcller}              # saved as Latin-1\n"),
        right=("tags: {owner: Müller}                 # saved as UTF-8\n"),
    ),
    Code(
        code="E005",
        title="byte order mark",
        explanation=(
            "The file starts with an invisible mark of its encoding. Some tools take it for a "
            "part of the first key, and UTF-16 is not read at all. Save the file as UTF-8 without "
            "a mark."
        ),
        wrong=("landform: 1                           # the file starts with the bytes EF BB BF\n"),
        right=("landform: 1\n"),
    ),
    Code(
        code="E006",
        title="not a text file",
        explanation=(
            "The file holds a zero byte, which no text has: it is an archive, an image or UTF-16 "
            "without a mark. Rename it if it is no blueprint, so that its name does not end in "
            ".yaml or .yml."
        ),
        wrong=("backup.yaml                           # in truth a zip file\n"),
        right=("backup.zip\n"),
    ),
    Code(
        code="E007",
        title="file too large",
        explanation=(
            "A blueprint file is at most 10 MB; one of 1,000 accounts takes less than 0.2 MB. "
            "This is most likely another file that ends in .yaml. Move it out of the blueprint's "
            "folder, or divide it."
        ),
        wrong=("blueprints/acme/dump.yaml             # 40 MB\n"),
        right=("dumps/dump.yaml                       # elsewhere\n"),
    ),
    Code(
        code="E008",
        title="link refused",
        explanation=(
            "A symbolic link may lead to a file within the same blueprint folder, and to nothing "
            "else. A linked folder would be read twice or not end, and a link out of the folder "
            "would let a blueprint read any file of the machine. Put the file or folder itself "
            "there."
        ),
        wrong=("shared.yaml -> ../../other/shared.yaml\n"),
        right=("shared.yaml                           # a copy\n"),
    ),
    Code(
        code="E009",
        title="empty file",
        explanation=(
            "The file has no content. An empty file in a blueprint is most often one that was not "
            "saved, so it is not passed over. Write its content or delete it."
        ),
        wrong="",
        right=("landform: 1\n"),
    ),
    Code(
        code="E010",
        title="YAML syntax",
        explanation=(
            "The text is not YAML at this place: a bracket or a quote is not closed, a colon is "
            "missing or too many, or a line is indented like none above it. The rest of the file "
            "cannot be trusted until it is corrected; Landform goes on at the next top-level key "
            "to find more of the kind. Values with a colon and a space, or that start with one of "
            "`[{&*!|>%@` or a quote mark, need quotes."
        ),
        wrong=("defaults:\n  tags: {owner: team: ml}\n"),
        right=('defaults:\n  tags: {owner: "team: ml"}\n'),
    ),
    Code(
        code="E011",
        title="tab in the indentation",
        explanation=(
            "YAML indents with spaces only, since tabs have no fixed width. Put spaces in their "
            "place, and set the editor to insert spaces in YAML files."
        ),
        wrong=("defaults:\n\ttags: {owner: ml}\n"),
        right=("defaults:\n  tags: {owner: ml}\n"),
    ),
    Code(
        code="E012",
        title="expression without quotes",
        explanation=(
            "YAML reads a plain value that starts with `{{` as a mapping in a mapping, and never "
            "as text. An expression at the start of a value must therefore stand in quotes; "
            "further on in a plain value it needs none."
        ),
        wrong=("components:\n  churn:\n    region: {{ vars.region }}\n"),
        right=('components:\n  churn:\n    region: "{{ vars.region }}"\n'),
    ),
    Code(
        code="E013",
        title="key given twice",
        explanation=(
            "A mapping has the same key twice. Most YAML readers silently keep the last one, "
            "which hides mistakes of merging and copying. Rename or delete one of the two."
        ),
        wrong=('accounts:\n  dev: {id: "111111111111"}\n  dev: {id: "222222222222"}\n'),
        right=('accounts:\n  dev: {id: "111111111111"}\n  test: {id: "222222222222"}\n'),
    ),
    Code(
        code="E014",
        title="key is not text",
        explanation=(
            "Keys are text. A plain number, true, false or null as a key is not, and would not "
            "find what it names; a list or mapping cannot be one at all. Put the key in quotes."
        ),
        wrong=("accounts:\n  111111111111: {unit: dev}\n"),
        right=('accounts:\n  "111111111111": {unit: dev}\n'),
    ),
    Code(
        code="E015",
        title="more than one document",
        explanation=(
            "The file has a second YAML document after a line `---`. A blueprint file is one "
            "document, and what stands in the second one would be lost. Delete the line, or move "
            "the document into a file of its own."
        ),
        wrong=("landform: 1\n---\nunits: {dev: {}}\n"),
        right=("landform: 1\nunits: {dev: {}}\n"),
    ),
    Code(
        code="E016",
        title="unknown tag",
        explanation=(
            "A value that starts with `!` has a tag, such as `!Ref` of CloudFormation or "
            "`!!python/object`. Landform knows only YAML's own types and never makes objects of "
            "other kinds. Delete the tag, or quote the value if it shall be text."
        ),
        wrong=("defaults:\n  vars: {topic: !Ref Topic}\n"),
        right=('defaults:\n  vars: {topic: "!Ref Topic"}\n'),
    ),
    Code(
        code="E017",
        title="alias without anchor",
        explanation=(
            "`*name` repeats the value that was marked with `&name` further up in the same file. "
            "There is no such mark above, or the alias stands inside the marked value itself. Add "
            "the mark, write the value out, or quote a text that starts with `*`."
        ),
        wrong=("accounts:\n  dev: {tags: *shared}\n"),
        right=("defaults:\n  tags: &shared {owner: ml}\naccounts:\n  dev: {tags: *shared}\n"),
    ),
    Code(
        code="E018",
        title="aliases grow too large",
        explanation=(
            "Aliases of values that hold aliases multiply: a few lines can stand for millions of "
            "values. What the aliases of a file add is limited to 100,000 values. Write the "
            "values out, or share them through `defaults`, `units` and `for_each`."
        ),
        wrong=(
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
            "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
            "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
            "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
        ),
        right=("a: &a [x, x]\nb: [*a, *a]\n"),
    ),
    Code(
        code="E019",
        title="nested too deeply",
        explanation=(
            "Values stand in values over 100 levels deep. No blueprint needs that; most often a "
            "bracket is opened again and again. Check the brackets and the indentation of the "
            "place."
        ),
        wrong=(
            "defaults: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
        ),
        right=("defaults: {vars: {list: [[1]]}}\n"),
    ),
    Code(
        code="E020",
        title="merge key",
        explanation=(
            "`<<` merges a mapping into another in YAML 1.1; YAML 1.2 has it no more, and readers "
            "differ in what it means. Landform merges `defaults`, the unit path, the account and "
            "the component by itself, and `extends` takes over a component. Use those, or repeat "
            "the keys."
        ),
        wrong=("defaults:\n  tags: {<<: {owner: ml}}\n"),
        right=("defaults:\n  tags: {owner: ml}\n"),
    ),
    Code(
        code="E021",
        title="number out of range",
        explanation=(
            "The value reads as a number that cannot be used: not a number, infinite, or over 100 "
            "characters long. Neither JSON nor Terraform has such numbers. Write a number, or "
            "quote the value if it is text."
        ),
        wrong=("defaults:\n  vars: {limit: .inf}\n"),
        right=("defaults:\n  vars: {limit: 1000}\n"),
    ),
    Code(
        code="E022",
        title="no content",
        explanation=(
            "The file has only comments, or a document without a value. In a blueprint that is "
            "most often a file that was not finished, so it is not passed over. Write its content "
            "or delete it."
        ),
        wrong=("# accounts: to be written\n"),
        right=("landform: 1\n"),
    ),
    Code(
        code="E023",
        title="no mapping at the top",
        explanation=(
            "A blueprint file is a mapping at its top level: keys such as `accounts:` with what "
            "belongs to them. A list or a single value has no key that would say what it is. "
            "Write the key above it."
        ),
        wrong=('- {id: "111111111111"}\n'),
        right=('accounts:\n  dev: {id: "111111111111"}\n'),
    ),
    Code(
        code="E024",
        title="invisible character",
        explanation=(
            "The file has a control character, a byte order mark within the text, or a line end "
            "that only some readers take for one (U+0085, U+2028, U+2029). Nobody sees it in a "
            "review, and it would end up in a name. Delete it, or write it as an escape in double "
            "quotes."
        ),
        wrong=("organization: {name: ac\ufeffme}\n"),
        right=("organization: {name: acme}\n"),
    ),
    Code(
        code="E025",
        title="key given in two files",
        explanation=(
            "The files of a blueprint folder are merged: mappings with the same top-level key "
            "become one. This key stands in more than one of them, so that one would hide the "
            "other. Keep one of the two."
        ),
        wrong=(
            'accounts: {dev: {id: "111111111111"}}   # a.yaml\n'
            'accounts: {dev: {id: "222222222222"}}   # b.yaml\n'
        ),
        right=(
            'accounts: {dev: {id: "111111111111"}}   # a.yaml\n'
            'accounts: {test: {id: "222222222222"}}  # b.yaml\n'
        ),
    ),
    Code(
        code="E101",
        title="expression syntax",
        explanation=(
            "What stands between `{{` and `}}` is not an expression of Jinja2, or one of the two "
            "is missing. Correct it. Where the characters themselves are meant, write them as a "
            "text in an expression: `{{ '{{' }}`."
        ),
        wrong=('name: "{{ vars.name"\n'),
        right=('name: "{{ vars.name }}"\n'),
    ),
    Code(
        code="E102",
        title="name not defined",
        explanation=(
            "The expression uses a name that does not exist here. In scope are `organization`, "
            "`account`, `project`, `unit`, `tags`, `vars`, `each` and `component`, as far as the "
            "place has them. Correct the name, define the variable under `vars`, or give a value "
            "for its absence: `| default('…')`."
        ),
        wrong=('name: "{{ vars.nmae }}"\n'),
        right=('name: "{{ vars.name }}"\n'),
    ),
    Code(
        code="E103",
        title="statement",
        explanation=(
            "`{% … %}` starts a statement of Jinja2: a loop, a condition, an include. A blueprint "
            "has expressions only, so that it stays YAML that every editor and schema "
            "understands. Use `for_each` and `when`, or an inline condition."
        ),
        wrong=('name: "{% if vars.big %}large{% else %}small{% endif %}"\n'),
        right=("name: \"{{ 'large' if vars.big else 'small' }}\"\n"),
    ),
    Code(
        code="E104",
        title="expression in a key",
        explanation=(
            "Keys are fixed text: which accounts and components a blueprint has must be readable "
            "without evaluating it. Write the key out. For one instance per account use "
            "`for_each`."
        ),
        wrong=('"{{ vars.name }}": {kind: account-baseline}\n'),
        right=("baseline: {kind: account-baseline}\n"),
    ),
    Code(
        code="E105",
        title="not available in expressions",
        explanation=(
            "Expressions run in a sandbox: values, operators, and a list of filters, tests and "
            "methods of text, lists and mappings. Functions, Python's internals and filters with "
            "random or unbounded results are not in it, since the same input must give the same "
            "bytes on any machine. Use one of the filters that are named."
        ),
        wrong=('name: "{{ vars.names | random }}"\n'),
        right=('name: "{{ vars.names | first }}"\n'),
    ),
    Code(
        code="E106",
        title="expression too large",
        explanation=(
            "The expression would take too long or make too large a value. Limits per scalar: "
            "65,536 characters, 10,000 items, 200,000 steps; an expression has at most 200 words "
            "and 20 brackets in each other. Write the value out or make the expression smaller."
        ),
        wrong=("name: \"{{ 'a' * 1000000000 }}\"\n"),
        right=("name: \"{{ 'a' * 10 }}\"\n"),
    ),
    Code(
        code="E107",
        title="expression fails",
        explanation=(
            "An operator, filter or method does not work on what it is given: text and numbers "
            "are added, a number is divided by zero, a condition without `else` does not hold, a "
            "key is no text. Check the types: a number in quotes is text, `| int` makes a number "
            "of it, and `~` joins texts."
        ),
        wrong=("name: \"{{ 'a' + 1 }}\"\n"),
        right=("name: \"{{ 'a' ~ 1 }}\"\n"),
    ),
    Code(
        code="E108",
        title="no text",
        explanation=(
            "The expression is part of a text, and its value is null, a list or a mapping. There "
            "is no notation of these in text that everyone means. Use `| default('…', true)` for "
            "null and `| join(',')` or `| tojson` for lists, or make the expression the whole "
            "value, which keeps its type."
        ),
        wrong=('name: "a-{{ [1, 2] }}"\n'),
        right=("name: \"a-{{ [1, 2] | join('-') }}\"\n"),
    ),
)
