// Times the WebAssembly build of the benchmark's workloads in V8. The crate's README has the command.
import { readFileSync } from 'node:fs';

const [path, rounds = '5'] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(path), {});
const { prepare, run_all_pairs, run_pairs } = instance.exports;

// Processor time, so that other work on the machine does not count.
const seconds = (work) => {
  const start = process.cpuUsage();
  const sum = work();
  const used = process.cpuUsage(start);
  return [(used.user + used.system) / 1e6, sum];
};

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];

const workloads = [
  { number: 0, name: 'P', all: 1024, many: 5000, sampled: 50_000 },
  { number: 1, name: 'T', all: 2048, many: 5000, sampled: 200_000 },
  { number: 2, name: 'C', all: 2048, many: 5000, sampled: 500_000 },
];

console.log('| | mean length | pairs | pairs/s | cell updates/s |');
console.log('|---|---|---|---|---|');
for (const { number, name, all, many, sampled } of workloads) {
  const tasks = [
    ['all_pairs', all, 0, (all * (all - 1)) / 2, run_all_pairs],
    ['sampled', many, sampled, sampled, run_pairs],
  ];
  for (const [task, count, list, pairs, run] of tasks) {
    const length = prepare(number, count, list);
    const sums = new Set();
    for (const vectors of [1, 0]) {
      const times = [];
      for (let round = 0; round <= Number(rounds); round += 1) {
        const [time, sum] = seconds(() => run(vectors));
        sums.add(sum);
        // The first round may run before V8 has optimised the code.
        if (round > 0) times.push(time);
      }
      const rate = pairs / median(times);
      const engine = vectors ? 'simd128' : 'scalar';
      const cells = (rate * length * length) / 1e9;
      console.log(`| ${name} ${task}, ${engine} | ${length.toFixed(0)} | ${pairs} | ${rate.toFixed(0)} | ${cells.toFixed(1)} G |`);
    }
    if (sums.size !== 1) throw new Error(`the engines disagree: ${[...sums]}`);
  }
}
