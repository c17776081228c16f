using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Server;
using Skipwise.Serving;

namespace Skipwise.Tests.Server;

/// <summary>The shipped model, with a chat template, behind a server at a free port.</summary>
public sealed class ServedTinyModel : IAsyncLifetime
{
    public const string Name = "tiny";

    private readonly TempFolder _folder = new();
    private readonly EngineOptions _engine;
    private readonly ServerOptions _options;
    private readonly double _factor;
    private readonly bool _chats;
    private InferenceServer? _server;

    public ServedTinyModel() : this(new(), new())
    {
    }

    /// <param name="chats">whether it has a chat template</param>
    /// <param name="factor">times 128 tokens: the window</param>
    internal ServedTinyModel(ServerOptions options, EngineOptions engine, bool chats = true, double factor = 8) =>
        (_options, _engine, _chats, _factor) = (options with { Port = 0 }, engine, chats, factor);

    internal TextModel Model { get; private set; } = null!;

    internal Uri Address => _server!.Address;

    internal HttpClient Http { get; private set; } = null!;

    internal InferenceServer Server => _server!;

    public async ValueTask InitializeAsync()
    {
        string folder = _folder.Copy(Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny"), Name);
        if (_chats)
        {
            _folder.Write($"{Name}/chat_template.jinja", "{{ bos_token }}{% for message in messages %}{{ message.content }}{% endfor %}");
        }
        Model = LoadTextModel.Run(new()
        {
            Model = folder,
            Rope = new() { Type = RopeType.Yarn, Factor = _factor },
            Engine = _engine,
        });
        _server = await InferenceServer.StartAsync([Model], _options);
        Http = new HttpClient { BaseAddress = Address };
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server!.DisposeAsync();
        Model.Dispose();
        _folder.Dispose();
    }

    /// <summary>Posts JSON, and reads the answer.</summary>
    internal async Task<(int Status, JsonObject Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await Http.PostAsync(new Uri(path, UriKind.Relative), content);
        return ((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<JsonObject>())!);
    }

    /// <summary>Waits until the engine computes nothing.</summary>
    internal async Task WhenIdleAsync()
    {
        for (int i = 0; i < 600 && Model.Engine.Statistics is not { Running: 0, Waiting: 0 }; i++)
        {
            await Task.Delay(50);
        }
        Assert.Equal((0, 0), (Model.Engine.Statistics.Running, Model.Engine.Statistics.Waiting));
    }
}
