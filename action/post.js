// The action's last step, also after a cancelled job: finishes what the main step left unfinished.
'use strict';

const { binary, complain, environment, input, run } = require('./run.js');

// Exit codes after which something may be unfinished: internal, rollback-failed, push-unknown,
// cancelled-left. No code at all means that the main step was killed.
const UNFINISHED = ['', '1', '41', '44', '52'];

async function main() {
  const status = process.env.STATE_status || '';
  const killed = Number(status) > 128 && !['130', '143'].includes(status);
  if (!process.env.STATE_started || !(UNFINISHED.includes(status) || killed)) {
    return;
  }
  if (status === '52' && input('on-cancel') === 'hold') {
    return;
  }
  const program = await binary();
  const extra = {
    SHIPGATE_COMMAND: 'recover',
    SHIPGATE_IF_UNFINISHED: 'true',
    // A file of its own: the main step's reports stay.
    SHIPGATE_REPORT: '',
    SHIPGATE_EVENTS: '',
    SHIPGATE_HTML: '',
    SHIPGATE_JUNIT: '',
    SHIPGATE_DOTENV: '',
  };
  process.exitCode = await run(program, ['ci'], { env: environment(extra) });
}

main().catch((error) => {
  complain(error);
  process.exitCode = 2;
});
