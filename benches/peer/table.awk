# One table of what the programs printed: a row for each operation, a column for each file. In the folder that
# CMABI_BENCH_CSV names, the numbers are kept.
BEGIN {
    FS = "\t"
    if (ENVIRON["CMABI_BENCH_CSV"]) csv = ENVIRON["CMABI_BENCH_CSV"] "/peer.csv"
    printf "%-44s %12s %12s %12s %12s %8s\n", "ns", "built-in", "wasmtime", "crate, off", "crate", "ratio"
    if (csv) print "name,built-in ns,wasmtime ns,\"crate, off ns\",crate ns,ratio" >csv
}
!($1 in seen) { seen[$1] = 1; names[count++] = $1 }
{ took[$1, FILENAME] = $2 }
END {
    split("built-in wasmtime crate-off crate", files, " ")
    for (i = 0; i < count; i++) {
        crate = took[names[i], "crate"]
        ratio = crate && took[names[i], "wasmtime"] ? took[names[i], "wasmtime"] / crate : ""
        printf "%-44s", names[i]
        for (file = 1; file <= 4; file++) printf " %12s", took[names[i], files[file]]
        printf " %8s\n", ratio ? sprintf("%.2f", ratio) : ""
        if (!csv) continue
        printf "\"%s\"", names[i] >csv
        for (file = 1; file <= 4; file++) printf ",%s", took[names[i], files[file]] >csv
        printf ",%s\n", ratio ? sprintf("%.3f", ratio) : "" >csv
    }
}
