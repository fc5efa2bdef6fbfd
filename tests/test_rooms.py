#!/usr/bin/python3
"""The dependency law: the includes of src/ and kernels/ against the table in tests/rooms.txt.

usage: test_rooms.py [ROOT]

Prints every arrow that is not allowed and fails. Checks first, on a made-up tree, that it can fail.
"""
import os
import re
import sys
import tempfile

LIBC = """assert complex ctype dirent dlfcn errno fcntl fenv float inttypes limits malloc math setjmp signal stdalign
stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings sys/file sys/mman sys/resource sys/stat
sys/statvfs sys/time sys/types time unistd""".split()
LIBRARY = {"yaml": r"yaml\.h", "omp": r"omp\.h", "pthread": r"pthread\.h", "fftw": r"fftw3\.h", "hdf5": r"hdf5\.h",
           "gdal": r"(gdal|cpl|ogr)\w*\.h", "tiff": r"tiffio\.h", "isal": r"isa-l/\w+\.h", "zstd": r"zstd\.h",
           "geos": r"geos_c\.h", "cairo": r"cairo[\w-]*\.h", "jansson": r"jansson\.h",
           "xgboost": r"xgboost/c_api\.h",
           "crypto": r"openssl/\w+\.h", "sqlite": r"sqlite3\.h"}
INTRINSICS = re.compile(r"(\w+intrin|arm_neon|cpuid)\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_comments(text, keeps_texts):
    """The code: comments gone, and texts too, lines where they were."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return " " + "\n" * found.count("\n")
        return found if keeps_texts else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)


def read_table(path):
    rooms, rules = {}, []
    for line in read(path).splitlines():
        if line.startswith("only "):
            name, files, pattern = (part.strip() for part in line[5:].split(":", 2))
            rules.append((name, files.split(), re.compile(pattern)))
        elif line.strip() and not line.startswith("#"):
            name, below, libraries = (part.strip() for part in line.split("|"))
            rooms[name] = (below.split(), libraries.split())
    return rooms, rules


def sources(root, folder):
    for base, _, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(base, name), root)


def room_of(path):
    parts = path.split("/")
    return parts[0] if parts[0] == "kernels" else parts[1]


def check_include(room, kind, header, rooms):
    """None, or what is wrong with it."""
    below, libraries = rooms[room]
    if kind == "<":
        if header.removesuffix(".h") in LIBC or (room == "kernels" and INTRINSICS.fullmatch(header)):
            return None
        if any(re.fullmatch(LIBRARY[library], header) for library in libraries):
            return None
        return f"{room} may not include <{header}>"
    target = header.split("/")[0]
    if target == "tuban" and room != "kernels":
        return None
    if target == room or target in below:
        return None
    return f"{room} may not include {target}"


def check(root):
    rooms, rules = read_table(os.path.join(root, "tests/rooms.txt"))
    wrong = []
    seen = []
    for room, (below, _) in rooms.items():
        wrong += [f"tests/rooms.txt: {room} names {other}, which is not below it" for other in below
                  if other not in seen]
        seen.append(room)
    declared = dict(re.findall(r"tuban_room\((\w+)\s+DEPENDS([^)]*?)\s*(?:LIBRARIES|SOURCES)",
                               read(os.path.join(root, "src/CMakeLists.txt"))))
    for room, depends in declared.items():
        if room not in rooms:
            wrong.append(f"src/CMakeLists.txt: room {room} is not in tests/rooms.txt")
        elif sorted(depends.split()) != sorted(rooms[room][0]):
            wrong.append(f"src/CMakeLists.txt: {room} depends on {' '.join(depends.split()) or 'nothing'}, "
                         f"tests/rooms.txt says {' '.join(rooms[room][0]) or 'nothing'}")
    for path in [*sources(root, "src"), *sources(root, "kernels")]:
        room, text = room_of(path), read(os.path.join(root, path))
        code = without_comments(text, True)
        if room not in rooms:
            wrong.append(f"{path}: room {room} is not in tests/rooms.txt")
            continue
        for match in INCLUDE.finditer(code):
            fault = check_include(room, match.group(1), match.group(2), rooms)
            if fault:
                wrong.append(f"{path}:{code.count(chr(10), 0, match.start(2)) + 1}: {fault}")
        bare = without_comments(text, False)
        for name, files, pattern in rules:
            if not any(path == f or (f.endswith("/") and path.startswith(f)) for f in files):
                wrong += [f"{path}:{bare.count(chr(10), 0, m.start()) + 1}: {m.group(0).strip()} stands only in "
                          f"{' '.join(files)} ({name})" for m in pattern.finditer(bare)]
    for path in sources(root, "include/tuban"):
        for kind, header in INCLUDE.findall(without_comments(read(os.path.join(root, path)), True)):
            if not (header.startswith("tuban/") if kind == '"' else header.removesuffix(".h") in LIBC):
                wrong.append(f"{path}: a public header may not include {header}")
    return wrong


def check_that_it_can_fail(root):
    """Every kind of violation, each alone in a small tree, is told; the same tree without them is not."""
    files = {
        "tests/rooms.txt": read(os.path.join(root, "tests/rooms.txt")),
        "src/CMakeLists.txt": "tuban_room(core DEPENDS LIBRARIES m SOURCES core/a.c)\n",
        "src/core/a.c": '#include <stdio.h>\n#include "core/a.h"\n/* printf("x") */ const char *t = "exit(1)";\n',
        "src/raster/a.c": '#include "core/a.h"\n#include "tuban/status.h"\nvoid f(void) { snprintf(0, 0, ""); }\n',
        "kernels/a_c.c": '#include "kernels/a.h"\n#include <immintrin.h>\n',
        "src/cli/main.c": '#include "tuban/run.h"\n#include <jansson.h>\nint main(void) { printf(""); }\n',
        "include/tuban/a.h": '#include "tuban/status.h"\n',
    }
    faults = {
        "src/core/up.c": '#include "raster/grid.h"\n',
        "src/raster/up.c": '#include "model/model.h"\n',
        "src/align/library.c": "#include <gdal.h>\n",
        "src/cli/inside.c": '#include "core/memory.h"\n',
        "kernels/up_c.c": '#include "core/rect.h"\n',
        "src/sweep/threads.c": "void f(void) {\n#pragma omp parallel\n}\n",
        "src/raster/locks.c": "#include <pthread.h>\nstatic pthread_mutex_t lock;\n",
        "src/eval/loud.c": 'void f(void) { printf("x"); }\n',
        "src/region/last.c": "void f(void) { exit(1); }\n",
        "src/nowhere/a.c": "\n",
        "include/tuban/inside.h": '#include "core/error.h"\n',
        "src/CMakeLists.txt": "tuban_room(core DEPENDS raster LIBRARIES m SOURCES core/a.c)\n",
        "tests/rooms.txt": files["tests/rooms.txt"].replace("core        |  ", "core        | job"),
    }
    for fault in [None, *faults]:
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**files, **({fault: faults[fault]} if fault else {})}.items():
                os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
                with open(f"{folder}/{path}", "w", encoding="utf-8") as file:
                    file.write(text)
            found = check(folder)
            if fault is None and found:
                sys.exit("a made-up tree without faults was refused: " + "; ".join(found))
            if fault is not None and not any(fault in line for line in found):
                sys.exit(f"a made-up fault in {fault} was not found: {found}")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    check_that_it_can_fail(root)
    wrong = check(root)
    print("\n".join(wrong) or "all arrows run downwards")
    sys.exit(1 if wrong else 0)


main()
