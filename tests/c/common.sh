# What the suites for C and C++ share. Sourced with $here set; the arguments name the build folder.

root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
build=$target/$1
passed=0 failed=0

report() { # report STATUS TITLE
  if [ "$1" -eq 0 ]; then
    echo "ok $2"
    passed=$((passed + 1))
  else
    echo "not ok $2"
    failed=$((failed + 1))
  fi
}

# Runs a suite, shows its lines and adds up what it counted.
suite() { # suite TITLE COMMAND...
  local log=$build/log
  "${@:2}" 2>&1 | tee "$log" | grep -v '^[0-9]* passed, [0-9]* failed$'
  local status=${PIPESTATUS[0]}
  passed=$((passed + $(grep -c '^ok ' "$log")))
  failed=$((failed + $(grep -c '^not ok ' "$log")))
  report "$status" "$1"
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

cd "$root" || exit 1
cargo build --quiet -p nats-ffi -p nats-harness || exit 1
export NATS_HARNESS=$target/debug/nats-harness

# The library by the name that programs look for at run time.
mkdir -p "$build/lib"
for name in libnats_ffi.so libnats_ffi.so.0; do
  ln -sfn "$target/debug/libnats_ffi.so" "$build/lib/$name"
done

strict_c=(-std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -pthread)
strict_cpp=(-std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -pthread)
link=(-L"$build/lib" -lnats_ffi -Wl,-rpath,"$build/lib")
sanitize=(-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all)
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
