/*
 * Copyright (c) 2026 The tnl-gso authors.
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

#include "core/tnl-gso-settings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "util.h"

/* Settings in the database: see tnl-gso-settings.h. */

/* Open_vSwitch other_config, as it was last. */
static struct smap defaults = SMAP_INITIALIZER(&defaults);

/* Whatever 'ovs_other_config', that of Open_vSwitch, says is the default from
 * now on.  Called at each turn of the main loop, before Interfaces are
 * configured. */
void
tnl_gso_set_defaults(const struct smap *ovs_other_config)
{
    if (!smap_equal(&defaults, ovs_other_config)) {
        smap_destroy(&defaults);
        smap_clone(&defaults, ovs_other_config);
    }
}

/* Returns the default at 'key', or null if there is none. */
const char *
tnl_gso_get_default(const char *key)
{
    return smap_get(&defaults, key);
}

/* Stores what 'value' means in '*is'.  Returns false if that is neither true
 * nor false. */
bool
tnl_gso_parse_bool(const char *value, bool *is)
{
    *is = !strcasecmp(value, "true");
    return *is || !strcasecmp(value, "false");
}

/* Stores in '*result' what an Interface's 'other_config' says at 'key', or else
 * the default there, as 'parse' understands it.  Tells in 'ignored' what that
 * does not understand.  Returns false, and stores nothing, if nothing is
 * left. */
bool
tnl_gso_get_setting(const struct smap *other_config, const char *key,
                    tnl_gso_parse_func *parse, void *result,
                    struct ds *ignored)
{
    const char *values[] = { smap_get(other_config, key),
                             tnl_gso_get_default(key) };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char *error = values[i] ? parse(values[i], result) : NULL;

        if (values[i] && !error) {
            return true;
        } else if (error) {
            tnl_gso_ignore(ignored, "%sother_config:%s=\"%s\": %s",
                           i ? "Open_vSwitch " : "", key, values[i], error);
            free(error);
        }
    }
    return false;
}

/* A tnl_gso_parse_func for true and false. */
static char *
parse_bool(const char *value, void *is_)
{
    bool *is = is_;
    bool means;

    if (!tnl_gso_parse_bool(value, &means)) {
        return xstrdup("neither true nor false");
    }
    *is = means;
    return NULL;
}

/* tnl_gso_get_setting() for true and false.  Returns 'def' if nothing is
 * left. */
bool
tnl_gso_get_bool(const struct smap *other_config, const char *key, bool def,
                 struct ds *ignored)
{
    tnl_gso_get_setting(other_config, key, parse_bool, &def, ignored);
    return def;
}

/* Appends what 'format' says to 'ignored', what of an Interface's settings has
 * no effect and why. */
void
tnl_gso_ignore(struct ds *ignored, const char *format, ...)
{
    va_list args;

    if (ignored->length) {
        ds_put_cstr(ignored, "; ");
    }
    va_start(args, format);
    ds_put_format_valist(ignored, format, args);
    va_end(args);
}
