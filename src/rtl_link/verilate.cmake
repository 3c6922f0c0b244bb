# Verilator names its files as it likes, and how many there are depends on the design: all of them go into one, whose
# name the build knows. cmake -DVERILATOR= -DRTL= -DBENCH= -DFOLDER= -P verilate.cmake
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(
  COMMAND ${VERILATOR} --cc -O3 --x-assign fast --noassert -Wno-fatal -Wno-PINCONNECTEMPTY -y ${RTL}
    --top-module ${BENCH} --prefix V${BENCH} --Mdir ${FOLDER} ${RTL}/bench/benches.vlt ${RTL}/bench/${BENCH}.sv
  COMMAND_ERROR_IS_FATAL ANY)
file(GLOB parts RELATIVE ${FOLDER} ${FOLDER}/*.cpp)
list(SORT parts)
set(text "")
foreach(part ${parts})
  string(APPEND text "#include \"${part}\"\n")
endforeach()
file(WRITE ${FOLDER}/all.cpp "${text}")
