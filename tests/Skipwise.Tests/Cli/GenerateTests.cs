using System.Diagnostics;
using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli;
using Skipwise.Cli.Display;
using Skipwise.Inference;
using Skipwise.Tokenizers;
using Spectre.Console.Testing;

namespace Skipwise.Tests.Cli;

/// <summary>Texts continued with the command alone.</summary>
public sealed class GenerateTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Prompt = "The river";
    private static readonly string[] s_short = ["--max-new-tokens", "24"];

    /// <summary>A child, since the console's own reader is what has to be looked at.</summary>
    [Fact]
    public void Bytes_on_the_standard_input_that_are_no_text_are_refused()
    {
        string prompt = model.Path("prompt"), tool = Path.Combine(AppContext.BaseDirectory, "skipwise.dll");
        File.WriteAllBytes(prompt, [.. "The river\nna"u8, 0xEF, .. "ve"u8]);
        string command = $"dotnet '{tool}' generate --model '{model.Folder}' --max-new-tokens 2 < '{prompt}'";
        (int code, _, string error) = ChildProcess.Run(new ProcessStartInfo("sh", ["-c", command]));
        Assert.Equal(1, code);
        Assert.Contains("error: the standard input: not UTF-8: line 2, byte 12: EF", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_standard_input_without_an_end_is_refused()
    {
        using var endless = new Endless();
        (await CliRun.Of(["generate", "--model", model.Folder], endless)).Complained("the standard input", "no end");
    }

    private sealed class Endless : TextReader
    {
        public override int Read(char[] buffer, int index, int count)
        {
            buffer.AsSpan(index, count).Fill('y');
            return count;
        }
    }

    [Theory]
    [InlineData("generation_config.json"), InlineData("config.json")]
    public async Task A_text_ends_at_any_end_token_that_the_files_name(string file)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(model.Folder);
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(model.Folder));
        int[] text = tokenizer.Encode(Prompt), prompt = tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. text] : text;
        int[] free = TextGenerator.Generate(pretrained.Model, prompt, new GenerationOptions { MaxNewTokens = 24 });
        int stop = free.Skip(3).First(id => !free.Take(3).Contains(id));
        string expected = tokenizer.Decode([.. prompt, .. free.TakeWhile(id => id != stop)])[tokenizer.Decode(prompt).Length..];
        string config = File.ReadAllText(Path.Combine(model.Folder, "config.json"));
        string ends = $"\"eos_token_id\": [{tokenizer.EosId}, {stop}]";
        string folder = model.Copy(file);
        File.WriteAllText(Path.Combine(folder, file), file == "config.json"
            ? config.Replace($"\"eos_token_id\": {tokenizer.EosId}", ends, StringComparison.Ordinal)
            : $"{{{ends}}}");
        CliRun run = (await CliRun.Of("generate", "--model", folder, "--prompt", Prompt, "--max-new-tokens", "24")).Succeeded();
        Assert.Equal(expected, run.Output.TrimEnd('\n'));
    }

    [Fact]
    public async Task A_stop_text_ends_the_text_and_is_no_part_of_it()
    {
        string whole = (await Generate("--prompt", Prompt)).Output.TrimEnd('\n');
        string stop = whole.Substring(6, 3);
        CliRun run = await Generate("--prompt", Prompt, "--stop", "never", stop);
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], run.Output[..^1]);
        (await CliRun.Of("generate", "-m", model.Folder, "-p", Prompt, "--stop", "")).Complained("--stop has an empty text");
    }

    [Fact]
    public async Task A_prompt_may_be_a_file()
    {
        string file = model.Path("prompt.txt");
        File.WriteAllText(file, Prompt);
        Assert.Equal((await Generate("--prompt", Prompt)).Output, (await Generate("--prompt-file", file)).Output);
        (await CliRun.Of("generate", "-m", model.Folder, "-p", Prompt, "--prompt-file", file)).Complained("give one of them");
        (await CliRun.Of("generate", "-m", model.Folder, "--prompt-file", file + "2")).Complained("prompt.txt2");
    }

    [Fact]
    public async Task Tokens_times_and_memory_are_told_and_quiet_does_not()
    {
        CliRun told = await Generate("--prompt", Prompt, "--max-new-tokens", "7");
        Assert.Matches(@"prompt \d+ tokens, [\d.]+ tok/s; first token after [\d.]+ s; 7 new tokens, [\d.]+ tok/s; peak memory [\d.]+ GB",
            told.Error);
        Assert.Empty((await Generate("--prompt", Prompt, "--quiet")).Error);
        JsonNode json = JsonNode.Parse((await Generate("--prompt", Prompt, "--max-new-tokens", "7", "--json")).Output)!;
        ITokenizer tokenizer = TokenizerLoader.Load(model.Folder);
        Assert.Equal(tokenizer.Encode(Prompt).Length + (tokenizer.AddsBos ? 1 : 0), (int)json["prompt_tokens"]!);
        Assert.Equal((7, "length", told.Output.TrimEnd('\n')),
            ((int)json["new_tokens"]!, (string?)json["finish"], (string?)json["text"]));
        Assert.True((double)json["seconds_to_first_token"]! > 0 && (double)json["tokens_per_second"]! > 0
            && (double)json["prompt_tokens_per_second"]! > 0 && (long)json["peak_memory_bytes"]! > 10_000_000);
    }

    [Fact]
    public async Task A_message_is_rendered_by_the_template_of_the_model()
    {
        string folder = Chatting();
        string rendered = $"<system>Be brief.<user>{Prompt}<assistant>";
        string expected = (await Generate("--prompt", rendered)).Output;
        Assert.Equal(expected,
            (await CliRun.Of("generate", "-m", folder, "--chat", "--system", "Be brief.", "-p", Prompt, "--max-new-tokens", "24"))
                .Succeeded().Output);
        Assert.NotEqual(expected, (await Generate("--prompt", Prompt)).Output);
        (await CliRun.Of("generate", "-m", folder, "--system", "x", "-p", Prompt)).Complained("--system", "needs --chat");
        (await CliRun.Of("generate", "-m", model.Folder, "--chat", "-p", Prompt)).Complained("no chat template");
    }

    /// <summary>The second turn is the model's answer to the whole conversation.</summary>
    [Fact]
    public async Task At_a_terminal_a_conversation_goes_on_until_the_input_ends()
    {
        string folder = Chatting();
        var console = new TestConsole().Interactive().EmitAnsiSequences();
        console.Profile.Capabilities.Interactive = console.Profile.Capabilities.Ansi = true;
        using StringWriter output = new(), error = new();
        using var input = new StringReader($"{Prompt}\n\nThe town\n");
        int code = await CommandLine.RunAsync(["generate", "-m", folder, "--chat", "--max-new-tokens", "9", "-q"],
            new Screen(console, output, error) { HasKeyboard = true }, input, TestContext.Current.CancellationToken);
        Assert.True(code == 0, error.ToString());
        async Task<string> Answer(string conversation) =>
            (await Generate("--prompt", conversation, "--max-new-tokens", "9")).Output[..^1];
        string first = await Answer($"<user>{Prompt}<assistant>");
        string second = await Answer($"<user>{Prompt}<assistant>{first}<user>The town<assistant>");
        Assert.Equal(Printable.Of($"> {first}\n> > {second}\n> \n"), output.ToString().ReplaceLineEndings("\n"));
    }

    private string Chatting()
    {
        string folder = model.Copy($"chat-{Guid.NewGuid():n}");
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"),
            "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}<assistant>");
        return folder;
    }

    private async Task<CliRun> Generate(params string[] words) =>
        (await CliRun.Of(["generate", "--model", model.Folder, .. words.Contains(s_short[0]) ? [] : s_short, .. words])).Succeeded();
}
