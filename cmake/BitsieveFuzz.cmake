# bitsieve_fuzz(LIBRARY): fuzz_LIBRARY from fuzz_LIBRARY.cc in this folder, where fuzz targets are built.
function(bitsieve_fuzz library)
  if(BITSIEVE_FUZZ)
    add_executable(fuzz_${library} fuzz_${library}.cc)
    target_link_libraries(fuzz_${library} PRIVATE bitsieve_${library})
    target_link_options(fuzz_${library} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
