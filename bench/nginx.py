# SPDX-License-Identifier: Apache-2.0
"""nginx's configuration for a service that is measured: one worker, no log, connections that stay open."""
import os

CONFIG = '''{modules}daemon off; master_process on; worker_processes 1; pid {files}.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 19900; }}
http {{
  access_log off; keepalive_timeout 3600s; keepalive_requests 2000000000;
  client_body_temp_path {files}-b; proxy_temp_path {files}-p; fastcgi_temp_path {files}-f;
  uwsgi_temp_path {files}-u; scgi_temp_path {files}-s;
{http}
  server {{ listen 127.0.0.1:{port} backlog=4096;
{locations}
  }}
}}
'''

MODULES = '''load_module {lua}/usr/lib/nginx/modules/ndk_http_module.so;
load_module {lua}/usr/lib/nginx/modules/ngx_http_lua_module.so;
'''


def write(folder, name, port, locations, http='', lua=None):
    """FOLDER/NAME.conf, and beside it what nginx writes itself. lua: where its module for Lua is unpacked."""
    path = os.path.join(folder, name)
    with open(path + '.conf', 'w') as f:
        f.write(CONFIG.format(modules=MODULES.format(lua=lua) if lua else '', files=path, http=http, port=port,
                              locations=locations))
    return path + '.conf'


def lua_path(lua, *folders):
    """Where Lua finds the modules of the unpacked packages and of those folders."""
    places = [*folders, f'{lua}/usr/share/lua/5.1']
    return '  lua_package_path "' + ''.join(f'{place}/?.lua;' for place in places) + ';";'


def lua_environment(lua):
    return {'LD_LIBRARY_PATH': os.path.join(lua, 'usr/lib/x86_64-linux-gnu')}
