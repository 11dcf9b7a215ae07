# Language, warnings, sanitizers. The binary is for the baseline of its
# architecture (no -march): simdjson chooses its kernel at run time.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ODDVERB_CCACHE ccache)
  if(ODDVERB_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${ODDVERB_CCACHE}")
  endif()
endif()

# Shared libraries that a program names but does not need cost start-up time.
add_link_options(-Wl,--as-needed)

if(ODDVERB_SANITIZE)
  add_compile_options(-fsanitize=${ODDVERB_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ODDVERB_SANITIZE})
  # GNU ld takes seconds for each of forty programs.
  find_program(ODDVERB_LLD ld.lld PATHS /usr/lib/llvm-14/bin)
  if(ODDVERB_LLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_link_options(-fuse-ld=lld)
  endif()
endif()

# Elsewhere headers are precompiled, and sources compiled together. In the
# preset dev each file is compiled alone, so that there one that forgets an
# #include does not compile.
set(ODDVERB_EACH_FILE_ALONE OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT ODDVERB_SANITIZE)
  set(ODDVERB_EACH_FILE_ALONE ON)
endif()
set(ODDVERB_JOIN_SOURCES ON) # cmake/JoinedSources.cmake
if(ODDVERB_EACH_FILE_ALONE OR ODDVERB_FUZZ)
  set(ODDVERB_JOIN_SOURCES OFF)
endif()

# Warnings for our own targets; headers of packages are system headers.
add_library(oddverb_warnings INTERFACE)
target_compile_options(
  oddverb_warnings
  INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wpedantic
            # clang counts this one to -Wconversion, g++ does not.
            $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>
            # g++ 12 warns of std::string's own operator+ (GCC bug 105651).
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
            $<$<BOOL:${ODDVERB_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT ODDVERB_EACH_FILE_ALONE)
  # Behind a precompiled header it sees overflows in the standard library where
  # there are none. The sanitizers see those that are.
  target_compile_options(
    oddverb_warnings INTERFACE -Wno-array-bounds -Wno-stringop-overflow
                               -Wno-stringop-overread)
endif()
if(ODDVERB_JOIN_SOURCES)
  # In sources that are compiled together a local name may be one of another
  # file's namespace, and g++ takes a class of a source for one of a header.
  target_compile_options(
    oddverb_warnings
    INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local
              -Wno-subobject-linkage>)
endif()
