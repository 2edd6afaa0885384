/* Places are searched from first to last: some microseconds, which is enough for ten thousand messages a second. */
#include "status/machine_places.h"

#include <string.h>

static uint64_t mac_number(const char *mac)
{
	uint64_t number = 1; /* so that no MAC is 0 */

	for (; *mac; mac++)
		if (*mac != ':')
			number = number << 4 |
				 (uint64_t)(*mac <= '9' ? *mac - '0' : (*mac | 32) - 'a' + 10);
	return number;
}

struct machine *machine_places_find(struct machines *m, const char *mac)
{
	uint64_t number = mac_number(mac);

	for (size_t i = 0; i < m->n; i++)
		if (m->places[i].mac == number)
			return &m->machines[i];
	return NULL;
}

/* A sender that has invented as many machines as it may has to give up one of them: the one that was silent longest. */
static bool find_claim(const struct machines *m, uint32_t claimed_by, size_t *ret)
{
	size_t claims = 0;

	for (size_t i = 0; claimed_by && i < m->n; i++) {
		if (m->places[i].is_vouched || m->places[i].claimed_by != claimed_by)
			continue;
		if (claims++ == 0 || m->machines[i].heard < m->machines[*ret].heard)
			*ret = i;
	}
	return claims >= CLAIMS_MAX;
}

/* The next one around the table. */
static bool find_unvouched(struct machines *m, size_t *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		*ret = m->hand++ % m->n;
		if (!m->places[*ret].is_vouched)
			return true;
	}
	return false;
}

static unsigned worth(const struct machine *k)
{
	if (k->stage == STAGE_FAILED)
		return 2;
	return k->stage > STAGE_FIRMWARE;
}

static size_t find_least(const struct machines *m)
{
	size_t least = 0;

	for (size_t i = 1; i < m->n; i++) {
		const struct machine *a = &m->machines[i], *b = &m->machines[least];

		if (worth(a) < worth(b) || (worth(a) == worth(b) && a->heard < b->heard))
			least = i;
	}
	return least;
}

static bool make_room(struct machines *m, uint32_t claimed_by, bool is_vouched, size_t *ret)
{
	bool is_his = find_claim(m, claimed_by, ret);

	if (!is_his && m->n < MACHINES_MAX) {
		*ret = m->n++;
		return true;
	}
	m->forgotten++;
	if (is_his || find_unvouched(m, ret))
		return true;
	if (is_vouched)
		*ret = find_least(m);
	return is_vouched;
}

static struct machine *find_or_add(struct machines *m, const char *mac, uint32_t claimed_by,
				   bool is_vouched, uint64_t now)
{
	struct machine *k = machine_places_find(m, mac);
	size_t i = 0;

	if (k || !make_room(m, claimed_by, is_vouched, &i))
		return k;
	k = &m->machines[i];
	*k = (struct machine){ .serial = ++m->made, .start = now, .since = now, .heard = now };
	strcpy(k->mac, mac);
	m->places[i] = (struct machine_place){ mac_number(mac), claimed_by, false };
	return k;
}

struct machine *machine_places_add(struct machines *m, const char *mac, uint32_t claimed_by,
				   uint64_t now)
{
	return find_or_add(m, mac, claimed_by, false, now);
}

struct machine *machine_places_vouch(struct machines *m, const char *mac, uint64_t now)
{
	struct machine *k = find_or_add(m, mac, 0, true, now);

	m->places[k - m->machines].is_vouched = true;
	return k;
}
