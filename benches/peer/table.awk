# One table of what the programs printed: a row for each operation, a column for each file.
BEGIN {
    FS = "\t"
    printf "%-44s %12s %12s %12s %12s %8s\n", "ns", "built-in", "wasmtime", "crate, off", "crate", "ratio"
}
!($1 in seen) { seen[$1] = 1; names[count++] = $1 }
{ took[$1, FILENAME] = $2 }
END {
    split("built-in wasmtime crate-off crate", files, " ")
    for (i = 0; i < count; i++) {
        printf "%-44s", names[i]
        for (file = 1; file <= 4; file++) printf " %12s", took[names[i], files[file]]
        crate = took[names[i], "crate"]
        printf " %8s\n", crate ? sprintf("%.2f", took[names[i], "wasmtime"] / crate) : ""
    }
}
