// Answers simulations, one JSON value a line, with the public evaluator @cloud-copilot/iam-simulate.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.argv[2] + '/')
const { runSimulation } = require('@cloud-copilot/iam-simulate')

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await runSimulation(JSON.parse(line), { simulationMode: 'Strict' })
  console.log(
    JSON.stringify({
      result: answer.resultType === 'error' ? 'error' : answer.overallResult,
      errors: answer.errors ?? null,
      ignored: answer.result?.ignoredContextKeys ?? [],
    })
  )
}
