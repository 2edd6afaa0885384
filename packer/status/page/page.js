// The status page: reads status.json once a second and shows it. Texts of machines are set as textContent, and nothing else is made of
// them: neither markup nor addresses.
'use strict';

const STAGES = ['DHCP', 'firmware', 'menu', 'kernel', 'fetch', 'unpack', 'handed over', 'up', 'FAILED'];
const OLD_MS = 5000;              // status.json is written once a second
const PATIENCE_MS = 5000;         // for an answer
const byId = id => document.getElementById(id);
const rows = new Map();           // MAC address -> what stands in the table
const failed = new Set();         // MAC addresses whose failure was spoken
let state = { machines: [], time: 0 };
let order = { key: 'stage', up: true };
let shown = '', shownLog = '', lastPicture = '', isFirst = true;

// ---- texts ----

function duration(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 120) return s + ' s';
	if (s < 7200) return Math.floor(s / 60) + ' min';
	return Math.floor(s / 3600) + ' h';
}

const isDone = m => m.stage === 'handed over' || m.stage === 'up' || m.stage === 'FAILED';
const total = m => (isDone(m) ? m.since : state.time) - m.start;
const rate = m => m.rate > 0 ? (m.rate / 1e6).toFixed(m.rate < 1e7 ? 1 : 0) + ' MB/s' : '';
const percent = m => m.percent > 0 ? m.percent + ' %' : '';
const label = m => m.name || m.mac;

const cells = {
	name: label,
	mac: m => m.mac,
	address: m => m.address,
	image: m => m.image,
	stage: m => m.stage,
	percent: percent,
	rate: rate,
	since: m => duration(state.time - m.since),
	total: m => duration(total(m)),
	failure: m => m.failure || '',
};

// What a column is sorted by; by its text unless it is here.
const values = {
	address: m => m.address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0),
	stage: m => STAGES.indexOf(m.stage),
	percent: m => m.percent,
	rate: m => m.rate,
	since: m => state.time - m.since,
	total: total,
};

function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

// ---- the table ----

function compareBy(key, a, b) {
	const value = values[key] || cells[key];
	const x = value(a), y = value(b);
	if (typeof x === 'string') return x.localeCompare(y, undefined, { numeric: true });
	return x - y;
}

// Failures first, whatever is sorted by.
function compare(a, b) {
	const bad = (b.stage === 'FAILED') - (a.stage === 'FAILED');
	if (bad) return bad;
	const by = compareBy(order.key, a, b);
	return (order.up ? by : -by) || (a.mac < b.mac ? -1 : 1);
}

function makeRow(m) {
	const row = { tr: document.createElement('tr'), cells: {} };
	for (const key of Object.keys(cells)) {
		const cell = document.createElement(key === 'name' ? 'th' : 'td');
		cell.className = key;
		if (key === 'name') {
			cell.scope = 'row';
			row.cells.name = document.createElement('a');
			row.cells.name.href = '#' + encodeURIComponent(m.mac);
			cell.append(row.cells.name);
		} else {
			row.cells[key] = cell;
			if (['percent', 'rate', 'since', 'total'].includes(key)) cell.classList.add('number');
		}
		row.tr.append(cell);
	}
	return row;
}

function fillRow(row, m) {
	for (const key of Object.keys(cells)) setText(row.cells[key], cells[key](m));
	const kind = m.stage === 'FAILED' ? 'failed' : m.stage === 'up' ? 'up' : '';
	if (row.tr.className !== kind) row.tr.className = kind;
}

function isWanted(m, words) {
	const text = [m.name, m.mac, m.address, m.image, m.stage, m.failure || ''].join(' ').toLowerCase();
	return words.every(word => text.includes(word));
}

// Rows that stand where they shall are not touched: so the focus stays, and 500 machines are no work.
function place(body, wanted) {
	let at = body.firstElementChild;
	for (const tr of wanted) {
		if (tr === at) at = at.nextElementSibling;
		else body.insertBefore(tr, at);
	}
	while (at) {
		const next = at.nextElementSibling;
		at.remove();
		at = next;
	}
}

function showTable() {
	const words = byId('words').value.toLowerCase().split(/\s+/).filter(word => word);
	const wanted = state.machines.filter(m => isWanted(m, words)).sort(compare);
	const known = new Set(state.machines.map(m => m.mac));
	const focused = document.activeElement;

	for (const mac of rows.keys()) if (!known.has(mac)) rows.delete(mac);
	for (const m of wanted) {
		if (!rows.has(m.mac)) rows.set(m.mac, makeRow(m));
		fillRow(rows.get(m.mac), m);
	}
	place(byId('machines').tBodies[0], wanted.map(m => rows.get(m.mac).tr));
	if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
	setText(byId('found'), words.length ? wanted.length + ' of ' + state.machines.length : '');
	byId('none').hidden = state.machines.length > 0;
}

function showOrder() {
	for (const th of document.querySelectorAll('th[data-key]')) {
		if (th.dataset.key === order.key) th.setAttribute('aria-sort', order.up ? 'ascending' : 'descending');
		else th.removeAttribute('aria-sort');
	}
}

// ---- one machine ----

function current() {
	let mac = '';
	try { mac = decodeURIComponent(location.hash.slice(1)); } catch (error) { /* no machine has such a name */ }
	return state.machines.find(m => m.mac === mac);
}

function showFacts(m) {
	const facts = [['MAC address', m.mac], ['IP address', m.address && m.address + (m.confirmed ? '' : ' (only its messages say so)')], ['Image', m.image], ['Stage', m.stage + (m.before ? ', in ' + m.before : '')],
		['Done', percent(m)], ['Rate', rate(m)], ['In this stage', duration(state.time - m.since)], ['Boot', duration(total(m))],
		['Last heard', new Date(m.heard).toLocaleTimeString()]].filter(fact => fact[1]);
	const list = byId('facts');
	while (list.children.length > 2 * facts.length) list.lastElementChild.remove();
	facts.forEach(([name, value], i) => {
		if (list.children.length <= 2 * i) list.append(document.createElement('dt'), document.createElement('dd'));
		setText(list.children[2 * i], name);
		setText(list.children[2 * i + 1], value);
	});
}

function showPicture(m) {
	const picture = m.timeline ? `timeline/${Number(m.id)}.svg?${Number(m.start)}.${Number(m.timeline)}` : '';
	if (picture !== lastPicture) {
		lastPicture = picture;
		if (picture) byId('timeline').src = picture;
		else byId('timeline').removeAttribute('src');
		byId('timeline').alt = 'Timeline of the boot of ' + label(m);
	}
	byId('timeline').hidden = !picture;
	byId('no-timeline').hidden = Boolean(picture);
}

const ask = path => fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });

// The first line says whose log it is.
async function showLog(m) {
	const answer = await ask('log/' + Number(m.id) + '.txt');
	const text = answer.ok ? await answer.text() : '';
	const end = text.indexOf('\n');
	const log = text.slice(0, end) === m.mac ? text.slice(end + 1) : '';
	if (log === shownLog || current()?.mac !== m.mac) return;
	const box = byId('log');
	const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
	box.textContent = shownLog = log;
	if (isAtEnd) box.scrollTop = box.scrollHeight;
}

// Nothing of the machine that was shown before.
function clearOne(m) {
	shown = m.mac;
	shownLog = byId('log').textContent = '';
	byId('timeline').removeAttribute('src');
	lastPicture = '';
}

function showOne(m) {
	if (shown !== m.mac) clearOne(m);
	setText(byId('heading-one'), label(m));
	byId('failure').hidden = !m.failure;
	setText(byId('failure'), m.failure || '');
	showFacts(m);
	showPicture(m);
	showLog(m).catch(() => { /* the page says by itself that there is no answer */ });
}

// ---- all ----

function showCounts() {
	const counts = STAGES.map(stage => [stage, state.machines.filter(m => m.stage === stage).length]).filter(count => count[1]).reverse();
	setText(byId('counts'), state.machines.length + (state.machines.length === 1 ? ' machine' : ' machines') + (counts.length ? ': ' : '')
		+ counts.map(([stage, n]) => n + ' ' + stage).join(', '));
	document.title = (counts.length && counts[0][0] === 'FAILED' ? counts[0][1] + ' FAILED - ' : '') + 'Machines - tarboot';
	setText(byId('about'), 'tarboot ' + state.version + ', ' + state.url
		+ (state.forgotten ? ', ' + state.forgotten + ' machines were forgotten, because there were too many' : '')
		+ (state.ignored ? ', ' + state.ignored + ' messages were ignored: they came from other addresses than the machines that they name' : ''));
}

// For screen readers: failures that are new since the page was opened.
function speakFailures() {
	const now = state.machines.filter(m => m.stage === 'FAILED');
	const fresh = now.filter(m => !failed.has(m.mac));
	failed.clear();
	now.forEach(m => failed.add(m.mac));
	if (fresh.length && !isFirst)
		byId('spoken').textContent = fresh.slice(0, 3).map(m => label(m) + ' failed: ' + m.failure).join('. ')
			+ (fresh.length > 3 ? '. And ' + (fresh.length - 3) + ' more.' : '');
	isFirst = false;
}

function show() {
	const m = current();
	byId('all').hidden = Boolean(m);
	byId('one').hidden = !m;
	if (m) showOne(m);
	else showTable();
	showCounts();
}

function showTrouble(text) {
	byId('trouble').hidden = !text;
	setText(byId('trouble'), text);
}

async function read() {
	try {
		const answer = await ask('status.json');
		if (!answer.ok) throw new Error('HTTP ' + answer.status);
		state = await answer.json();
		const isOld = answer.headers.get('Date') && Date.parse(answer.headers.get('Date')) - state.time > OLD_MS;
		showTrouble(isOld ? 'tarboot serve has written nothing for some time.' : '');
		speakFailures();
		show();
	} catch (error) {
		showTrouble('No answer from tarboot serve: what is shown is of ' + new Date(state.time).toLocaleTimeString() + '.');
	}
	setTimeout(read, 1000);
}

document.querySelector('thead').addEventListener('click', event => {
	const th = event.target.closest('th[data-key]');
	if (!th) return;
	order = { key: th.dataset.key, up: order.key === th.dataset.key ? !order.up : true };
	showOrder();
	showTable();
});
byId('words').addEventListener('input', showTable);
byId('search').addEventListener('submit', event => event.preventDefault());
document.addEventListener('keydown', event => {
	if (event.key === '/' && document.activeElement !== byId('words') && !byId('all').hidden) {
		event.preventDefault();
		byId('words').focus();
	} else if (event.key === 'Escape' && !byId('one').hidden) {
		location.hash = '';
	}
});
let lastMachine = '';
window.addEventListener('hashchange', () => {
	const m = current();
	show();
	if (m) byId('heading-one').focus();
	else if (rows.has(lastMachine)) rows.get(lastMachine).cells.name.focus();
	lastMachine = m ? m.mac : '';
});
showOrder();
read();
