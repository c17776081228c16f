using System.Diagnostics;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Cli;

/// <summary>Texts continued with the command alone.</summary>
public sealed class GenerateTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Prompt = "The river";

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
}
