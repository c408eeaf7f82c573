%% SPDX-License-Identifier: Apache-2.0
%% The same service in Erlang: a process for each connection over gen_tcp, heads parsed by the virtual machine's own
%% erlang:decode_packet (http_bin), the requests that came together answered with one send. It does what Cowboy does
%% below its routes, and less: a framework costs more.
-module(hello).
-export([start/1]).

start([Port]) ->
    {ok, Listener} = gen_tcp:listen(list_to_integer(atom_to_list(Port)),
        [binary, {ip, {127, 0, 0, 1}}, {backlog, 4096}, {reuseaddr, true}, {nodelay, true}, {active, false},
         {packet, raw}, {buffer, 4096}]),
    persistent_term:put(big, binary:copy(<<"b">>, 1 bsl 20)),
    tick(),
    [spawn(fun() -> accept(Listener) end) || _ <- lists:seq(1, 8)],
    clock().

%% The head's first lines, with the date, once a second.
clock() -> receive after 1000 -> tick(), clock() end.

tick() ->
    {{Y, Mo, D}, {H, Mi, S}} = calendar:universal_time(),
    Day = element(calendar:day_of_the_week(Y, Mo, D), {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}),
    Month = element(Mo, {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}),
    Date = io_lib:format("~s, ~2..0b ~s ~4..0b ~2..0b:~2..0b:~2..0b GMT", [Day, D, Month, Y, H, Mi, S]),
    persistent_term:put(head, iolist_to_binary(["HTTP/1.1 200 OK\r\nServer: erl\r\nDate: ", Date, "\r\n"])).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> loop(Socket, <<>>) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener).

loop(Socket, Kept) ->
    inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, Data} ->
            case serve(Socket, <<Kept/binary, Data/binary>>, []) of
                stop -> gen_tcp:close(Socket);
                Rest -> loop(Socket, Rest)
            end;
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _} -> ok
    end.

%% Answers every complete request of Data with one send. Returns what is left of it, or stop.
serve(Socket, Data, Out) ->
    case request(Data) of
        {ok, Path, Length, Keep, Rest} ->
            case body(Socket, Length, Rest) of
                {error, _} -> stop;
                After ->
                    Answer = answer(Path, Length, Keep),
                    case Keep of
                        keep -> serve(Socket, After, [Out, Answer]);
                        close -> gen_tcp:send(Socket, [Out, Answer]), stop
                    end
            end;
        more when Out =:= [] -> Data;
        more -> gen_tcp:send(Socket, Out), Data;
        bad -> stop
    end.

%% Reads a body of that length and forgets it. Returns what came after it.
body(_, Length, Rest) when byte_size(Rest) >= Length ->
    binary_part(Rest, Length, byte_size(Rest) - Length);
body(Socket, Length, Rest) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} -> body(Socket, Length - byte_size(Rest), Data);
        Error -> Error
    end.

answer(<<"/">>, _, Keep) -> whole("text/plain", <<"Hello, World!">>, Keep);
answer(<<"/json">>, _, Keep) -> whole("application/json", json([{<<"message">>, <<"Hello, World!">>}]), Keep);
answer(<<"/big">>, _, Keep) -> whole("application/octet-stream", persistent_term:get(big), Keep);
answer(<<"/up">>, Length, Keep) -> whole("text/plain", integer_to_binary(Length), Keep);
answer(<<"/wait">>, _, Keep) -> timer:sleep(1), whole("text/plain", <<"waited">>, Keep);
answer(_, _, Keep) -> whole("text/plain", <<"not here">>, Keep).

%% OTP 25 has no JSON of its own. These texts have nothing to escape.
json(Fields) ->
    iolist_to_binary([${, lists:join($,, [[$", Name, $", $:, $", Text, $"] || {Name, Text} <- Fields]), $}]).

whole(Type, Body, Keep) ->
    Close = case Keep of keep -> <<>>; close -> <<"Connection: close\r\n">> end,
    [persistent_term:get(head), <<"Content-Type: ">>, Type, <<"\r\nContent-Length: ">>,
     integer_to_binary(byte_size(Body)), <<"\r\n">>, Close, <<"\r\n">>, Body].

request(<<>>) -> more;
request(Data) ->
    case erlang:decode_packet(http_bin, Data, []) of
        {ok, {http_request, _, {abs_path, Path}, _}, Rest} -> headers(Rest, Path, 0, keep);
        {more, _} -> more;
        _ -> bad
    end.

headers(Data, Path, Length, Keep) ->
    case erlang:decode_packet(httph_bin, Data, []) of
        {ok, {http_header, _, 'Connection', _, <<"close">>}, Rest} -> headers(Rest, Path, Length, close);
        {ok, {http_header, _, 'Content-Length', _, Text}, Rest} -> headers(Rest, Path, binary_to_integer(Text), Keep);
        {ok, {http_header, _, _, _, _}, Rest} -> headers(Rest, Path, Length, Keep);
        {ok, http_eoh, Rest} -> {ok, Path, Length, Keep, Rest};
        {more, _} -> more;
        _ -> bad
    end.
