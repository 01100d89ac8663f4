# Puts the page together: awk -f bundle.awk page.html
#
# A line "@@FILE NAME@@" becomes that file. Of a module (.js) it becomes all that it imports, each once and behind what
# it needs itself; in one scope, so the lines of import and the word export go, and a name means the same in all of them.

function fail(text) {
    print "bundle.awk: " text >"/dev/stderr"
    failed = 1
    exit 1
}

function copy(name,    line, got) {
    while ((got = (getline line <(folder name))) > 0)
        print line
    if (got < 0)
        fail("no " name)
    close(folder name)
}

function declare(line, name,    words) {
    if (!match(line, /^(export )?(async )?(function\*?|const|let|class) [A-Za-z_$][A-Za-z0-9_$]*/))
        return
    split(substr(line, RSTART, RLENGTH), words, " ")
    word = words[length(words)]
    if (word in declared)
        fail(name " and " declared[word] " both have " word)
    declared[word] = name
}

function module(name,    line, got, text, imported) {
    if (state[name] == "done")
        return
    if (state[name])
        fail("a circle of modules, with " name)
    state[name] = "open"
    text = ""
    while ((got = (getline line <(folder name))) > 0) {
        if (line ~ /^import /) {
            if (!match(line, /"\.\/[a-z_]+\.js"/))
                fail(name ": an import is one line, of \"./name.js\": " line)
            imported = substr(line, RSTART + 3, RLENGTH - 4)
            module(imported)
            continue
        }
        declare(line, name)
        sub(/^export /, "", line)
        text = text line "\n"
    }
    if (got < 0)
        fail("no " name)
    close(folder name)
    state[name] = "done"
    printf "\n/* ---- %s ---- */\n\n%s", name, text
}

BEGIN {
    folder = ARGV[1]
    sub(/[^\/]*$/, "", folder)
}

/^@@FILE / {
    name = $2
    sub(/@@$/, "", name)
    if (name ~ /\.js$/)
        module(name)
    else
        copy(name)
    next
}

{ print }
