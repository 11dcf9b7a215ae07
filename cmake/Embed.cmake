# oddverb_embed(TARGET SYMBOL FILE)
#
# Puts the bytes of FILE (from the source root) into TARGET's read-only data.
# Use them with
#   extern "C" const unsigned char SYMBOL[];
#   extern "C" const std::uint64_t SYMBOL_size;
# .incbin and not an array in C++: a megabyte costs the compiler nothing.
function(oddverb_embed target symbol file)
  set(path "${PROJECT_SOURCE_DIR}/${file}")
  if(NOT EXISTS "${path}")
    message(FATAL_ERROR "There is no ${file}")
  endif()
  set(assembly "${PROJECT_BINARY_DIR}/embed/${symbol}.S")
  file(
    CONFIGURE
    OUTPUT "${assembly}"
    CONTENT
      [[
    .section .rodata
    .global @symbol@
    .type @symbol@, %object
    .balign 16
@symbol@:
    .incbin "@path@"
1:
    .size @symbol@, 1b - @symbol@
    .global @symbol@_size
    .type @symbol@_size, %object
    .balign 8
@symbol@_size:
    .quad 1b - @symbol@
    .size @symbol@_size, 8
    .section .note.GNU-stack, "", %progbits
]]
    @ONLY)
  set_source_files_properties("${assembly}" PROPERTIES OBJECT_DEPENDS "${path}")
  target_sources(${target} PRIVATE "${assembly}")
endfunction()
