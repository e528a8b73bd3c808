// Asks the suite what is to be done, shows it, and sends the answer back. Nothing is asked of any other server.

const $ = id => document.getElementById(id);

// The token leaves the address bar, so that a picture of the screen opens nothing; a reload still finds it.
const fromLink = new URLSearchParams(location.hash.slice(1)).get('token');
if (fromLink) {
  sessionStorage.setItem('token', fromLink);
  history.replaceState(null, '', location.pathname);
}
const token = sessionStorage.getItem('token') ?? '';
let me = sessionStorage.getItem('name') ?? '';

const WORDS = {
  done: 'Done', saw: 'I saw it', did_not_see: 'I did not see it', value: 'Send the answer', cannot: 'Cannot',
};
const HOW = { Tap: 'Tap it on the reader', Insert: 'Insert its chip', Swipe: 'Swipe it' };

let question = null;
let until = 0;
let whole = 1;

function show(id) {
  for (const other of ['who', 'wait', 'ask', 'lost']) $(other).hidden = other !== id;
}

function live(isLive, words) {
  $('link').textContent = words;
  $('link').dataset.live = isLive ? 'yes' : 'no';
}

function lost(title, words) {
  $('lost-title').textContent = title;
  $('lost-words').textContent = words;
  show('lost');
}

function draw(board) {
  $('count').textContent = board.answered === 1 ? '1 answer' : `${board.answered} answers`;
  $('me').textContent = me;
  if (!me) {
    if ($('who').hidden) { show('who'); $('name').focus(); }
    return;
  }
  const isNew = board.question?.id !== question?.id;
  question = board.question;
  if (!question) return show('wait');
  until = performance.now() + question.leftMs;
  if (!isNew && !$('ask').hidden) return;
  whole = question.leftMs || 1;
  ask(question);
}

function ask({ plain, why, requirement, subject, id }) {
  $('title').textContent = plain.title;
  $('detail').textContent = plain.detail ?? '';
  $('detail').hidden = !plain.detail;
  $('card').hidden = !plain.card;
  if (plain.card) {
    $('card').querySelector('.how').textContent = HOW[plain.card.how] ?? plain.card.how;
    $('card').querySelector('strong').textContent = `•••• ${plain.card.last4}`;
    $('card').querySelector('.outcome').textContent = plain.card.outcome;
  }
  $('what-for').textContent =
    [why && `It ${why.startsWith('shows') ? '' : 'is asked because '}${why}.`, requirement.join(', '), `Terminal ${subject}, question ${id}.`]
      .filter(Boolean).join(' ');
  const choices = plain.choices ?? [];
  const takesValue = plain.answers.includes('value') && !choices.length;
  $('value').hidden = $('value-label').hidden = !takesValue;
  $('value').value = $('why').value = $('trouble').textContent = '';
  $('cannot').hidden = true;
  // A value that is one of a few words has a button for each of them.
  const buttons = plain.answers.flatMap(answer => answer === 'value' && choices.length
    ? choices.map(([value, words]) => ({ answer, words, value: JSON.stringify(value) }))
    : [{ answer, words: WORDS[answer] ?? answer }]);
  $('answers').replaceChildren(...buttons.map(({ answer, words, value }, place) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.answer = answer;
    if (value) button.dataset.value = JSON.parse(value);
    if (place === 0) button.className = 'chief';
    button.append(words, Object.assign(document.createElement('kbd'), { textContent: place + 1 }));
    button.addEventListener('click', () => value ? send({ answer, value }) : choose(answer));
    return button;
  }));
  show('ask');
  tick();
  $('title').focus({ preventScroll: true });
  scrollTo(0, 0);
}

function choose(answer) {
  if (answer !== 'cannot') return send({ answer, value: $('value').value });
  $('cannot').hidden = false;
  $('why').focus();
}

async function send(said) {
  const buttons = [...document.querySelectorAll('#ask button')];
  buttons.forEach(button => { button.disabled = true; });
  $('trouble').textContent = '';
  try {
    const response = await call('POST', '/v1/answer', { id: question?.id, name: me, ...said });
    if (response.ok) return draw(await response.json());
    $('trouble').textContent = `Not taken: ${await response.text()}.`;
  } catch {
    $('trouble').textContent = 'Not sent: the suite cannot be reached. Try again.';
  } finally {
    buttons.forEach(button => { button.disabled = false; });
  }
}

function call(method, path, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body) headers['content-type'] = 'application/json';
  return fetch(path, { method, headers, body: body && JSON.stringify(body), cache: 'no-store' });
}

function tick() {
  if (!question) return;
  const left = Math.max(0, until - performance.now());
  const seconds = Math.ceil(left / 1000);
  $('seconds').textContent = seconds >= 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s left` : `${seconds} s left`;
  $('bar').firstElementChild.style.transform = `scaleX(${Math.min(1, left / whole)})`;
  $('left').toggleAttribute('data-soon', seconds <= 15);
}

async function listen() {
  let seen = '';
  for (;;) {
    try {
      const response = await call('GET', `/v1/board${seen}`);
      if (response.status === 401) {
        live(false, 'Not connected');
        return lost('This link opens nothing', 'Open the link that the suite printed when this run began, with all that stands behind the #.');
      }
      if (!response.ok) throw new Error(response.status);
      const board = await response.json();
      live(true, 'Connected');
      seen = `?seen=${board.version}`;
      draw(board);
    } catch {
      seen = '';
      question = null;
      live(false, 'Not connected');
      lost('The suite cannot be reached', 'The run is over, or this phone has left the network. The page goes on by itself when it is back.');
      await new Promise(resolve => setTimeout(resolve, 1000));
    }
  }
}

$('who').addEventListener('submit', event => {
  event.preventDefault();
  me = $('name').value.trim();
  if (!me) return;
  sessionStorage.setItem('name', me);
  show('wait');
  call('GET', '/v1/board').then(response => response.json()).then(draw, () => {});
});

$('cannot').addEventListener('submit', event => {
  event.preventDefault();
  if ($('why').value.trim()) send({ answer: 'cannot', why: $('why').value.trim() });
});

// A number key presses the button beside which it stands, except where somebody writes.
document.addEventListener('keydown', event => {
  if ($('ask').hidden || event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea')) return;
  const button = $('answers').children[Number(event.key) - 1];
  if (button) { event.preventDefault(); button.click(); }
});

if (!token) {
  live(false, 'Not connected');
  lost('Open the link', 'Open the link that the suite printed when this run began, with all that stands behind the #.');
} else {
  setInterval(tick, 250);
  listen();
}
