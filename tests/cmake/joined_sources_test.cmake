# Which sources cmake/JoinedSources.cmake compiles together.
# Usage: cmake -DSOURCE_DIR=... -P joined_sources_test.cmake
cmake_minimum_required(VERSION 3.25)
include("${SOURCE_DIR}/cmake/JoinedSources.cmake")

string(RANDOM LENGTH 12 random)
set(folder "/tmp/joined_sources_${random}")

# A source with `text` in its unnamed namespace.
function(write_source name text)
  file(WRITE "${folder}/${name}.cc"
       "#include \"x.h\"\n\nnamespace oddverb {\nnamespace {\n\n${text}\n"
       "}  // namespace\n\nint Public(int a) {\n  return a;\n}\n"
       "}  // namespace oddverb\n")
endfunction()

function(expect what got want)
  if(NOT "${got}" STREQUAL "${want}")
    file(REMOVE_RECURSE "${folder}")
    message(FATAL_ERROR "${what}: got ${got}, not ${want}")
  endif()
endfunction()

write_source(
  kinds
  "using Kind = Other::Kind;\nusing std::string;\n\nstruct Row {\n  int kInside = 1;\n};\n
constexpr size_t kFirst = 1, kSecond = 2;\nconst char* const kTexts[] = {\"a\"};\n
std::string_view Trim(std::string_view text) {\n  return text;\n}\n
std::map<int, std::vector<int>>\nLong(int a) { return {}; }\n")
oddverb_names_in("${folder}/kinds.cc" names)
list(SORT names)
foreach(name Kind Row Trim kFirst kSecond)
  if(NOT name IN_LIST names)
    expect("names" "${names}" "with ${name}")
  endif()
endforeach()
if("Public" IN_LIST names)
  expect("names" "${names}" "without Public, which the linker keeps apart")
endif()

file(WRITE "${folder}/x.h" "class Shape {\n};\nbool IsWrite(int verb);\n")
oddverb_names_in("${folder}/x.h" header_names)
expect("header" "${header_names}" "Shape;IsWrite")

write_source(a "constexpr int kSteps = 1;")
write_source(b "constexpr int kSteps = 2;")
write_source(c "bool IsWrite(std::string_view verb) { return true; }")
write_source(d "int Read(int a) { return a; }")
write_source(e "int Read(double a) { return 2; }")
set(sources "")
foreach(name a b c d e)
  list(APPEND sources "${folder}/${name}.cc")
endforeach()
oddverb_groups_of(header_names groups ${sources})
expect("groups" "${groups}" "0;1;alone;0;1")

set(sources "")
foreach(number RANGE 1 9)
  write_source(s${number} "constexpr int kOf${number} = 1;")
  list(APPEND sources "${folder}/s${number}.cc")
endforeach()
oddverb_groups_of(header_names groups ${sources})
expect("nine" "${groups}" "0;0;0;0;0;0;0;0;1")

file(REMOVE_RECURSE "${folder}")
