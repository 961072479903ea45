# How the CUDA kernels are compiled: by nvcc for the GPU, and by the host compiler for the emulator. Included by the Makefile.
# defines: cuda, CUDA_OBJECTS, EMULATED_OBJECTS
# Machine code for sm_80 (A100 and its generation) and sm_90a (H100, H200); PTX for what came later.
CUDA_KERNELS := $(wildcard engine/cuda/*.cu)
NVCC ?= $(shell command -v nvcc)
NVCC_FLAGS := -std=c++17 -O3 -I. -Xcompiler -Wall -Xptxas -v -gencode=arch=compute_80,code=[sm_80,compute_80] -gencode=arch=compute_90a,code=sm_90a
# What of the backend runs on the host: no compiler but the usual one.
CUDA_HOST := $(filter-out engine/cuda/absent.cpp,$(wildcard engine/cuda/*.cpp))
CUDA_OBJECTS := $(patsubst %.cu,$(BUILD)/cuda/%.o,$(CUDA_KERNELS))
ifneq ($(NVCC),)
# The runtime is linked in; it looks for the driver when it is first asked, so a machine without one runs the same trainer.
CUDA_HOME := $(patsubst %/bin/,%,$(dir $(shell $(NVCC) -dryrun -E -x cu /dev/null 2>&1 | sed -n 's/^\#$$ _HERE_=\(.*\)/\1\/bin\//p' | sed 's/bin\/bin/bin/')))
CUDA_BACKEND := $(CUDA_OBJECTS) $(call object,$(CUDA_HOST))
CUDA_LIBRARIES := $(firstword $(wildcard $(CUDA_HOME)/lib64/libcudart_static.a $(CUDA_HOME)/lib/libcudart_static.a $(CUDA_HOME)/targets/*/lib/libcudart_static.a)) -ldl -lrt
cuda: $(CUDA_OBJECTS)
$(BUILD)/cuda/%.o: %.cu Makefile
	@mkdir -p $(@D)
	@echo "  nvcc $<"
	@$(NVCC) $(NVCC_FLAGS) -MMD -MP -c -o $@ $< > $(@:.o=.log) 2>&1 || { cat $(@:.o=.log) >&2; rm -f $@; exit 1; }
else
CUDA_BACKEND := $(call object,engine/cuda/absent.cpp)
cuda:
	@echo "  SKIPPED the CUDA kernels: no nvcc on PATH (NVCC=FILE names one)" >&2
endif

# The same kernels compiled for the emulator, which the tests run on any machine.
$(BUILD)/objects/emulated/%.o: %.cu Makefile
	@mkdir -p $(@D)
	@echo "  compile $< for the emulator"
	@$(CXX) $(FROZEN_FLAGS) -Wno-unknown-pragmas -MMD -MP -x c++ -c -o $@ $<
EMULATED_OBJECTS := $(patsubst %.cu,$(BUILD)/objects/emulated/%.o,$(filter-out engine/cuda/nvidia.cu,$(CUDA_KERNELS))) \
  $(call object,$(CUDA_HOST) $(wildcard engine/cuda/emulated/*.cpp))
