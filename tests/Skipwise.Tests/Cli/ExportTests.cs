using Skipwise.Checkpoints.Gguf;
using Skipwise.Storage;
using Skipwise.Tests.Checkpoints.Gguf;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Cli;

/// <summary>export, as a user calls it.</summary>
public sealed class ExportTests(SmallModel model) : IClassFixture<SmallModel>
{
    private static Task<CliRun> Export(params string[] arguments) => CliRun.Of(["export", .. arguments]);

    [Theory]
    [InlineData("f32", "F32"), InlineData("f16", "F16"), InlineData("BF16", "BF16"), InlineData("", "F32")]
    public async Task A_file_has_the_type_that_is_asked_for_or_the_models_own(string dtype, string stored)
    {
        string file = model.Path($"dtype-{dtype}.gguf");
        CliRun run = (await Export(["-m", model.Folder, "-o", file, .. dtype == "" ? (string[])[] : ["--dtype", dtype]])).Succeeded();
        Assert.Contains(
            $"saved {file}: llama, 11 tensors, {stored.ToLowerInvariant()}, {new FileInfo(file).Length} bytes", run.Output);
        using GgufFile read = GgufFile.Open(file);
        Assert.Equal(stored, read.Tensors["blk.0.attn_q.weight"].Type.Name);
        CliRun listed = (await CliRun.Of("inspect", "tensors", "-m", file)).Succeeded();
        Assert.Contains("blk.0.attn_q.weight", listed.Output);
    }

    /// <summary>Rows of 16 and 24 fill no block of 32, so nothing of this model is quantized.</summary>
    [Fact]
    public async Task Rows_that_fill_no_block_are_float16()
    {
        string file = model.Path("blocks.gguf");
        (await Export("-m", model.Folder, "-o", file, "--dtype", "q8_0")).Succeeded();
        using GgufFile read = GgufFile.Open(file);
        Assert.Equal(["F16", "F32"], read.Tensors.Values.Select(tensor => tensor.Type.Name).Distinct().Order());
    }

    [Fact]
    public async Task The_file_of_an_adapter_has_its_rope_and_is_run_by_llama_cpp()
    {
        string adapter = model.Path("adapter"), merged = model.Path("merged"), file = model.Path("adapted.gguf");
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "256", "--steps", "2", "--batch-size", "1", "--lora-rank",
            "2", "-o", adapter)).Succeeded();
        (await CliRun.Of("merge", "-m", model.Folder, "-a", adapter, "-o", merged)).Succeeded();
        (await Export("-m", model.Folder, "-a", adapter, "-o", file)).Succeeded();
        (await Export("-m", merged, "-o", model.Path("merged.gguf"))).Succeeded();
        using (GgufFile one = GgufFile.Open(file), other = GgufFile.Open(model.Path("merged.gguf")))
        {
            Assert.Equal("yarn", one.Values.Values["llama.rope.scaling.type"]);
            Assert.Equal(4f, one.Values.Values["llama.rope.scaling.factor"]);
            Assert.Equal((uint)SmallModel.Window, one.Values.Values["llama.rope.scaling.original_context_length"]);
            Assert.Equal(256u, one.Values.Values["llama.context_length"]);
            Assert.Equal(WithoutName(other), WithoutName(one));
        }
        byte[] adapted = File.ReadAllBytes(file), whole = File.ReadAllBytes(model.Path("merged.gguf"));
        const int weights = 4096; // at least; behind the names, which differ in length
        Assert.Equal(whole[^weights..], adapted[^weights..]);
        LlamaCpp.RequireNatives();
        using var client = new LlamaCpp(file, 256);
        ITokenizer tokenizer = TokenizerLoader.Load(model.Folder);
        const string text = "The keeper of the lamp, 1999!";
        Assert.Equal([tokenizer.BosId!.Value, .. tokenizer.Encode(text)], client.Tokenize(text, addBos: true));
    }

    private static IEnumerable<KeyValuePair<string, object>> WithoutName(GgufFile file) =>
        file.Values.Values.Where(pair => pair.Key != "general.name");

    [Fact]
    public async Task Only_an_own_file_is_replaced()
    {
        string file = model.Path("own.gguf");
        (await Export("-m", model.Folder, "-o", file)).Succeeded();
        byte[] first = File.ReadAllBytes(file);
        (await Export("-m", model.Folder, "-o", file, "--dtype", "f16")).Succeeded();
        Assert.NotEqual(first.Length, new FileInfo(file).Length);
        Assert.True(File.Exists(file + OwnedFiles.Ending));
        File.AppendAllText(file, "changed");
        (await Export("-m", model.Folder, "-o", file)).Complained("has changed since Skipwise wrote it");
        string weights = Path.Combine(model.Folder, "model.safetensors");
        byte[] before = File.ReadAllBytes(weights);
        (await Export("-m", model.Folder, "-o", weights, "--format", "gguf")).Complained("Skipwise did not write it");
        Assert.Equal(before, File.ReadAllBytes(weights));
        (await Export("-m", model.Folder, "-o", model.Path("nowhere/x.gguf"))).Complained("no folder");
    }

    [Fact]
    public async Task A_file_of_another_scaling_fails_its_check()
    {
        string file = model.Path("yarn.gguf");
        string[] yarn = ["--rope", "yarn", "--rope-factor", "4"];
        CliRun run = (await Export(["-m", model.Folder, "-o", file, .. yarn])).Succeeded();
        Assert.Contains("llama.cpp (GGUF): as trained, frequencies equal, scale of cos and sin 1.1386 of 1.1386", run.Output);
        CliRun same = (await Export(["-m", model.Folder, "--check", file, .. yarn])).Succeeded();
        Assert.Equal(run.Output["saved ".Length..], same.Output);
        (await Export("-m", model.Folder, "--check", file)).FailedCheck(file, "llama.rope.scaling.type is yarn, expected none");
        (await Export("-m", model.Folder)).Complained("--out", "--check");
        (await Export("-o", file)).Complained("--model is missing");
        Assert.Equal(0, (await Export("--check", file)).Code); // alone, it is compared with what Skipwise reads there
        (await Export("-m", model.Folder, "--check", file, "--for", "vllm")).Complained("is a file for llama.cpp");
        (await Export("-m", model.Folder, "-o", file, "--check", file)).Complained("--out", "--check");
        (await Export("-m", model.Folder, "--check", Path.Combine(model.Folder, "config.json"))).Complained("no GGUF file");
    }

    [Fact]
    public async Task What_llama_cpp_cannot_run_is_refused_with_the_alternative()
    {
        string file = model.Path("refused.gguf");
        string dynamic = model.With("dynamic", "config.json", bytes => [.. System.Text.Encoding.UTF8.GetBytes(
            System.Text.Encoding.UTF8.GetString(bytes).Replace("\"vocab_size\"",
                "\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 4.0}, \"vocab_size\"", StringComparison.Ordinal)
            .Replace("\"rope_parameters\"", "\"ignored\"", StringComparison.Ordinal))]);
        (await Export("-m", dynamic, "-o", file)).Complained("llama.cpp has no dynamic scaling", "--rope ntk --rope-factor 13",
            "for 256 tokens: start llama.cpp with a context of that length (-c 256)");
        (await Export("-m", dynamic, "-o", file, "--dtype", "q8")).Complained("--dtype", "q8_0");
        (await Export("-m", Fixture.Path("gptj-none"), "-o", file)).Complained("no implementation of the family gptj");
        Assert.False(File.Exists(file));
        (await Export("-m", dynamic, "--rope", "ntk", "--rope-factor", "13", "-o", file)).Succeeded();
        using GgufFile read = GgufFile.Open(file);
        Assert.Equal("none", read.Values.Values["llama.rope.scaling.type"]);
    }
}
