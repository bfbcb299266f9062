;; A program for WASI 0.3 that sets the times of the files `a` and `b` in its first folder to the second before 1970, those
;; of `c` and of the folder itself to the first second there can be, and asks for each again. It fails where one before 1970
;; is not what it was set to.
(component
  (import "wasi:clocks/system-clock@0.3.0" (instance $system
    (type $instant' (record (field "seconds" s64) (field "nanoseconds" u32)))
    (export "instant" (type $instant (eq $instant')))))
  (alias export $system "instant" (type $instant))
  (import "wasi:filesystem/types@0.3.0" (instance $types
    (alias outer 1 $instant (type $instant'))
    (export "instant" (type $instant (eq $instant')))
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code' (variant
      (case "access") (case "already") (case "bad-descriptor") (case "busy") (case "deadlock") (case "quota")
      (case "exist") (case "file-too-large") (case "illegal-byte-sequence") (case "in-progress") (case "interrupted")
      (case "invalid") (case "io") (case "is-directory") (case "loop") (case "too-many-links") (case "message-size")
      (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock") (case "insufficient-memory")
      (case "insufficient-space") (case "not-directory") (case "not-empty") (case "not-recoverable")
      (case "unsupported") (case "no-tty") (case "no-such-device") (case "overflow") (case "not-permitted")
      (case "pipe") (case "read-only") (case "invalid-seek") (case "text-file-busy") (case "cross-device")
      (case "other" (option string))))
    (export "error-code" (type $code (eq $code')))
    (type $flags' (flags "symlink-follow"))
    (export "path-flags" (type $flags (eq $flags')))
    (type $new' (variant (case "no-change") (case "now") (case "timestamp" $instant)))
    (export "new-timestamp" (type $new (eq $new')))
    (type $kind' (variant
      (case "block-device") (case "character-device") (case "directory") (case "fifo") (case "symbolic-link")
      (case "regular-file") (case "socket") (case "other" (option string))))
    (export "descriptor-type" (type $kind (eq $kind')))
    (type $stat' (record
      (field "type" $kind) (field "link-count" u64) (field "size" u64)
      (field "data-access-timestamp" (option $instant)) (field "data-modification-timestamp" (option $instant))
      (field "status-change-timestamp" (option $instant))))
    (export "descriptor-stat" (type $stat (eq $stat')))
    (export "[method]descriptor.set-times" (func async
      (param "self" (borrow $descriptor)) (param "data-access-timestamp" $new)
      (param "data-modification-timestamp" $new) (result (result (error $code)))))
    (export "[method]descriptor.set-times-at" (func async
      (param "self" (borrow $descriptor)) (param "path-flags" $flags) (param "path" string)
      (param "data-access-timestamp" $new) (param "data-modification-timestamp" $new) (result (result (error $code)))))
    (export "[method]descriptor.stat-at" (func async
      (param "self" (borrow $descriptor)) (param "path-flags" $flags) (param "path" string)
      (result (result $stat (error $code)))))))
  (alias export $types "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.3.0" (instance $preopens
    (alias outer 1 $descriptor (type $descriptor'))
    (export "descriptor" (type $descriptor (eq $descriptor')))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (core module $Memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $directories (canon lower (func $preopens "get-directories") (memory $mem) (realloc $realloc)))
  (core func $set (canon lower (func $types "[method]descriptor.set-times") (memory $mem) (realloc $realloc)))
  (core func $set-at (canon lower (func $types "[method]descriptor.set-times-at") (memory $mem) (realloc $realloc)))
  (core func $stat-at (canon lower (func $types "[method]descriptor.stat-at") (memory $mem) (realloc $realloc)))
  (core module $Main
    (import "" "memory" (memory 1))
    (import "" "directories" (func $directories (param i32)))
    (import "" "set" (func $set (param i32 i32 i64 i32 i32 i64 i32 i32)))
    (import "" "set-at" (func $set-at (param i32 i32 i32 i32 i32 i64 i32 i32 i64 i32 i32)))
    (import "" "stat-at" (func $stat-at (param i32 i32 i32 i32 i32)))
    (global $folder (mut i32) (i32.const 0))
    (data (i32.const 16) "abc.")
    ;; Sets the times of what has a name of one letter, following a link or not, and asks for them: whether it succeeds.
    (func $try (param $name i32) (param $follow i32) (param $seconds i64) (result i32)
      (call $set-at (global.get $folder) (local.get $follow) (local.get $name) (i32.const 1)
        (i32.const 2) (local.get $seconds) (i32.const 5) (i32.const 2) (local.get $seconds) (i32.const 5) (i32.const 512))
      (if (i32.load8_u (i32.const 512)) (then (return (i32.const 0))))
      (call $ask (local.get $name) (local.get $follow) (local.get $seconds)))
    ;; Whether what has this name was accessed and modified then.
    (func $ask (param $name i32) (param $follow i32) (param $seconds i64) (result i32)
      (call $stat-at (global.get $folder) (local.get $follow) (local.get $name) (i32.const 1) (i32.const 512))
      (i32.and
        (i32.eqz (i32.load8_u (i32.const 512)))
        (i32.and
          (i64.eq (i64.load (i32.const 560)) (local.get $seconds))
          (i64.eq (i64.load (i32.const 584)) (local.get $seconds)))))
    (func (export "run") (result i32)
      (call $directories (i32.const 0))
      (global.set $folder (i32.load (i32.load (i32.const 0))))
      (if (i32.eqz (call $try (i32.const 16) (i32.const 1) (i64.const -1))) (then (return (i32.const 1))))
      (if (i32.eqz (call $try (i32.const 17) (i32.const 0) (i64.const -1))) (then (return (i32.const 1))))
      ;; What becomes of these depends on the file system.
      (drop (call $try (i32.const 18) (i32.const 1) (i64.const 0x8000000000000000)))
      (call $set (global.get $folder) (i32.const 2) (i64.const 0x8000000000000000) (i32.const 0)
        (i32.const 2) (i64.const 0x8000000000000000) (i32.const 0) (i32.const 512))
      (drop (call $ask (i32.const 19) (i32.const 1) (i64.const 0)))
      (i32.const 0)))
  (core instance $main (instantiate $Main (with "" (instance
    (export "memory" (memory $mem))
    (export "directories" (func $directories))
    (export "set" (func $set))
    (export "set-at" (func $set-at))
    (export "stat-at" (func $stat-at))))))
  (func $run async (result (result)) (canon lift (core func $main "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $cli)))
