# The kernels and their tests, with no library of the processor that they are built for: fmt is used as headers, and
# GoogleTest is built from its sources. tools/arm.sh does this.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK /usr/include/fmt ${PROJECT_BINARY_DIR}/include/fmt SYMBOLIC)  # and nothing else of /usr/include
add_library(fmt INTERFACE)
add_library(fmt::fmt ALIAS fmt)
target_include_directories(fmt SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/include)
target_compile_definitions(fmt INTERFACE FMT_HEADER_ONLY)

set(googletest /usr/src/googletest/googletest)
add_library(gtest_main STATIC ${googletest}/src/gtest-all.cc ${googletest}/src/gtest_main.cc)
add_library(GTest::gtest_main ALIAS gtest_main)
target_include_directories(gtest_main PRIVATE ${googletest} SYSTEM PUBLIC ${googletest}/include)
target_compile_options(gtest_main PRIVATE -w -O0)
target_link_libraries(gtest_main PUBLIC Threads::Threads)

# What the kernels use of src/base; of src/tensor it is nothing.
add_library(bitsieve_base STATIC src/base/cpu.cc src/base/error.cc)
target_include_directories(bitsieve_base PUBLIC src)
target_link_libraries(bitsieve_base PUBLIC fmt::fmt Threads::Threads)
add_library(bitsieve_tensor INTERFACE)
target_link_libraries(bitsieve_tensor INTERFACE bitsieve_base)
add_library(bitsieve::tensor ALIAS bitsieve_tensor)
add_subdirectory(src/kernels)

# The kernels are what a release has; optimizing the rest would take longer than it saves.
get_property(targets DIRECTORY src/kernels PROPERTY BUILDSYSTEM_TARGETS)
foreach(target IN LISTS targets)
  if(target MATCHES "_test$")
    target_compile_options(${target} PRIVATE -O1)
  elseif(target MATCHES "_bench_")
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endforeach()
