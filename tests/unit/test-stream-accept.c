/* Copyright (c) 2026 The tnl-gso authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#include <config.h>
#undef NDEBUG
#include "test-tnl-gso.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "stream.h"
#include "util.h"

/* pstream_accept() must not make a socket before it knows that somebody has
 * connected.  Linux takes a file descriptor for accept() first: when there is
 * none left, accept() fails with EMFILE, whoever has connected. */

/* Lets the process open no more files: number 0 is taken, and poll() refuses
 * to look at more than the limit.  Returns the limit before. */
static struct rlimit
forbid_files(void)
{
    struct rlimit old, none;

    ovs_assert(!getrlimit(RLIMIT_NOFILE, &old));
    none = old;
    none.rlim_cur = 1;
    ovs_assert(!setrlimit(RLIMIT_NOFILE, &none));
    return old;
}

static char *
error_unless(int error, int expected)
{
    return (error == expected ? NULL
            : xasprintf("error %s, not %s", ovs_strerror(error),
                        ovs_strerror(expected)));
}

void
test_accept(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    char dir[] = "/tmp/test-accept-XXXXXX";
    struct stream *client, *server;
    struct pstream *pstream;
    char *passive, *active;
    struct rlimit limit;
    int error;

    ovs_assert(mkdtemp(dir));
    passive = xasprintf("punix:%s/sock", dir);
    active = xasprintf("unix:%s/sock", dir);
    ovs_assert(!pstream_open(passive, &pstream, 0));

    limit = forbid_files();
    error = pstream_accept(pstream, &server);
    ovs_assert(!setrlimit(RLIMIT_NOFILE, &limit));
    test_case(error_unless(error, EAGAIN), "nobody, and no socket");

    ovs_assert(!stream_open(active, &client, 0));
    limit = forbid_files();
    error = pstream_accept(pstream, &server);
    ovs_assert(!setrlimit(RLIMIT_NOFILE, &limit));
    test_case(error_unless(error, EMFILE), "somebody, and no socket");

    error = pstream_accept(pstream, &server);
    test_case(error_unless(error, 0), "somebody");
    if (!error) {
        stream_close(server);
    }
    test_case(error_unless(pstream_accept(pstream, &server), EAGAIN),
              "nobody else");

    stream_close(client);
    pstream_close(pstream);
    rmdir(dir);
    free(active);
    free(passive);
}
