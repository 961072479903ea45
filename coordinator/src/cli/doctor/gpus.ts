// What the network will be trained on here, cores or GPUs, and why: driver, CUDA compiler and library are looked at one after the other,
// and the trainer has the last word. Without any GPU nothing is wrong; with one that cannot be used something is.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import { cudaMajor, type Gpu, lookForGpus } from '@swarm/shared/gpu'
import { onPath } from '../../server/binary.ts'
import { backendOf } from '../up/backend.ts'
import type { Check, Places } from './checks.ts'

const NAME = 'backend'
const CORES = 'the network trains on the cores'
/** The driver's own library, which the trainer opens when it is asked for CUDA. */
const DRIVER_LIBRARY = 'libcuda.so.1'

type Place = Pick<Places, 'checkout' | 'data'>

export async function gpus(place: Place): Promise<Check[]> {
  const { gpus: all, words } = await lookForGpus()
  if (words === undefined) return [good(`cpu: there is no nvidia-smi, so no driver of NVIDIA (not needed): ${CORES}`)]
  const [first] = all
  if (first === undefined)
    return [
      bad(
        `cpu: nvidia-smi is here and names no GPU (“${words}”): ${CORES}`,
        'run nvidia-smi by hand. Is a GPU in this machine, is the driver loaded, was the container started with its GPUs?',
      ),
    ]
  return [await backend(place, all, first), ...all.map((gpu) => line(gpu, first))]
}

async function backend({ checkout, data }: Place, all: readonly Gpu[], first: Gpu): Promise<Check> {
  const count = `${all.length} GPU${all.length === 1 ? '' : 's'}`
  const native = path.join(checkout, 'trainer-native')
  const driver = await cudaMajor()
  const nvcc = await compiler()
  if (nvcc === undefined)
    return bad(
      `cpu: ${count}, but no CUDA compiler (nvcc), so the trainer is built without CUDA: ${CORES}`,
      `install the CUDA toolkit${driver === undefined ? '' : ` ${driver} or older`} (developer.nvidia.com/cuda-downloads) and put nvcc on PATH, or name it: NVCC=FILE\nthen: make -C ${native}`,
    )
  if (driver !== undefined && Number(nvcc.major) > Number(driver))
    return bad(
      `cpu: ${count}, but nvcc makes programs for CUDA ${nvcc.major} and driver ${first.driver} speaks CUDA ${driver}: ${CORES}`,
      `a newer driver, or the CUDA toolkit ${driver}`,
    )
  if (!(await hasLibrary(DRIVER_LIBRARY)))
    return bad(
      `cpu: ${count}, but the driver's library ${DRIVER_LIBRARY} is not found: ${CORES}`,
      "install the driver's libraries (Debian: libcuda1; a container gets them from the NVIDIA container toolkit), or say where it is: LD_LIBRARY_PATH",
    )
  const { backend: word, why } = await backendOf(checkout, data)
  const tools = `nvcc ${nvcc.version}, driver ${first.driver}${driver === undefined ? '' : ` with CUDA ${driver}`}`
  if (word === 'cuda') return good(`cuda: ${count}, ${tools}; the trainer takes them, a GPU an agent`)
  if (word === undefined && why !== undefined)
    return bad(
      `none: ${count}, ${tools}, but the trainer gives no answer (“${why}”)`,
      'a data set to ask it about: swarm prepare, or swarm prepare --preset climbmix',
    )
  const says = word === undefined ? 'does not build' : `computes on ${word}${why === undefined ? '' : ` (“${why}”)`}`
  return bad(
    `${word ?? 'none'}: ${count}, ${tools}, but the trainer ${says}: ${CORES}`,
    `make -C ${native} clean all   (compiles it with this nvcc)`,
  )
}

function line({ index, name, memory, driver }: Gpu, first: Gpu): Check {
  const same = name === first.name && memory === first.memory
  const found = `${name}, ${memory} MiB, driver ${driver}`
  const lane = same
    ? `lane gpu:${index}`
    : `of another kind than gpu ${first.index}: left alone, scores could not be compared`
  return { name: `gpu ${index}`, ok: true, found: `${found}; ${lane}` }
}

const good = (found: string): Check => ({ name: NAME, ok: true, found })
const bad = (found: string, fix: string): Check => ({ name: NAME, ok: false, found, fix })

async function compiler(): Promise<{ version: string; major: string } | undefined> {
  const file = process.env.NVCC ?? onPath('nvcc')
  if (file === undefined || file === '') return undefined
  try {
    const { code, stdout } = await run(file, ['--version'], { timeoutMs: 10_000 })
    const [, version, major] = /release ((\d+)\.\d+)/.exec(stdout) ?? []
    return code === 0 && version !== undefined && major !== undefined ? { version, major } : undefined
  } catch {
    return undefined
  }
}

/** Where the dynamic linker would find it. Where that cannot be told it counts as there: the trainer is asked anyhow. */
async function hasLibrary(name: string): Promise<boolean> {
  const folders = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== '')
  if (folders.some((folder) => existsSync(path.join(folder, name)))) return true
  for (const ldconfig of ['ldconfig', '/sbin/ldconfig']) {
    try {
      const { code, stdout } = await run(ldconfig, ['-p'], { timeoutMs: 10_000 })
      if (code === 0) return stdout.includes(name)
    } catch {
      /* not on the PATH of a plain user; the next one may be */
    }
  }
  return true
}
