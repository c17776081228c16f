using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Checkpoints.Formats;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public sealed class PretrainedModelTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string> Folders => [.. ParityCase.All, "formats/sharded-safetensors-f16", "formats/single-safetensors-bf16"];

    /// <summary>The names stand in the pickle, the bytes in records numbered in the same order: read here without Skipwise's
    /// reader.</summary>
    [Theory]
    [InlineData("pytorch-bin-f32", "F32"), InlineData("sharded-pytorch-bin-f16", "F16"),
        InlineData("sharded-pytorch-bin-bf16-with-inv_freq", "BF16")]
    public void A_model_from_PyTorchs_files_is_saved_as_safetensors_byte_for_byte(string folder, string type)
    {
        var expected = new Dictionary<string, byte[]>();
        foreach (string file in Directory.GetFiles(Fixture.Path("formats", folder), "*.bin"))
        {
            using ZipArchive zip = ZipFile.OpenRead(file);
            byte[] Bytes(string ending)
            {
                using Stream stream = zip.Entries.Single(entry => entry.FullName.EndsWith(ending, StringComparison.Ordinal)).Open();
                using var copy = new MemoryStream();
                stream.CopyTo(copy);
                return copy.ToArray();
            }
            string[] names =
                [.. Regex.Matches(Encoding.Latin1.GetString(Bytes("/data.pkl")), @"(?:model\.|lm_head)[\w.]+(?:weight|inv_freq)")
                    .Select(match => match.Value)];
            for (int i = 0; i < names.Length; i++)
            {
                expected.Add(names[i], Bytes($"/data/{i}"));
            }
        }
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("formats", folder))))
        {
            pretrained.Save(_temp["saved"]);
            pretrained.Save(_temp["shards"], shardBytes: 20_000);
        }
        string[] buffers = [.. expected.Keys.Where(name => name.EndsWith("inv_freq", StringComparison.Ordinal))];
        Assert.Equal(folder.EndsWith("inv_freq", StringComparison.Ordinal) ? 2 : 0, buffers.Length);
        foreach (string saved in new[] { _temp["saved"], _temp["shards"] })
        {
            var found = ReadFolder(saved);
            Assert.Equal(expected.Keys.Except(buffers).Order(), found.Keys.Order());
            Assert.All(found,
                tensor => Assert.True(tensor.Value.Type == type && tensor.Value.Data.AsSpan().SequenceEqual(expected[tensor.Key]),
                    tensor.Key));
            PretrainedModel.Load(new ModelSource(saved)).Dispose();
        }
        using SafetensorsFile file1 = SafetensorsFile.Open(Path.Combine(_temp["saved"], WeightFiles.SingleName));
        Assert.Equal("pt", file1.Metadata["format"]);
        JsonNode index = JsonNode.Parse(File.ReadAllText(Path.Combine(_temp["shards"], WeightFiles.IndexName)))!;
        Assert.Equal(expected.Where(tensor => !buffers.Contains(tensor.Key)).Sum(tensor => tensor.Value.Length),
            (int)index["metadata"]!["total_size"]!);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Loading_and_saving_gives_back_every_tensor_byte_for_byte(string folder)
    {
        string source = Fixture.Path(folder), saved = _temp["saved"];
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(source)))
        {
            Assert.Equal(ModelFamily.Parameters(pretrained.Model.Config).Select(p => p.Name).Order(),
                pretrained.Model.named_parameters().Select(p => p.name).Order());
            pretrained.Save(saved, shardBytes: folder.Contains("shard") ? 20_000 : PretrainedModel.DefaultShardBytes);
        }
        var expected = ReadFolder(source).Where(t => !ModelFamily.Ignores(t.Key)).ToDictionary();
        var found = ReadFolder(saved);
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        foreach ((string name, (string type, long[] shape, byte[] data)) in expected)
        {
            Assert.Equal((type, data.Length), (found[name].Type, found[name].Data.Length));
            Assert.Equal(shape, found[name].Shape);
            Assert.True(data.AsSpan().SequenceEqual(found[name].Data), name);
        }
        Assert.Equal(File.ReadAllText(Path.Combine(source, "config.json")), File.ReadAllText(Path.Combine(saved, "config.json")));
        PretrainedModel.Load(new ModelSource(saved)).Dispose();
    }

    [Theory]
    [InlineData("baichuan2-none", "BF16"), InlineData("gpt_neox-pct25-parallel", "F16"), InlineData("gptj-none", "BF16")]
    public void Halves_of_joined_tensors_come_back_byte_for_byte(string fixture, string type)
    {
        string folder = _temp.Copy(Fixture.Path(fixture), "halves");
        ScalarType half = StoredType.FromName(type)!.Torch!.Value;
        Rewrite(folder, tensors =>
        {
            foreach (string name in tensors.Keys.ToArray())
            {
                if (ModelFamily.Ignores(name))
                {
                    tensors.Remove(name);
                    continue;
                }
                tensors[name] = tensors[name].to(half);
            }
        });
        using (PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(folder)))
        {
            pretrained.Save(_temp["saved"], shardBytes: 20_000);
        }
        var found = ReadFolder(_temp["saved"]);
        Assert.All(ReadFolder(folder), tensor => Assert.True(tensor.Value.Data.SequenceEqual(found[tensor.Key].Data), tensor.Key));
    }

    [Theory]
    [InlineData("baichuan2-none"), InlineData("gpt_neox-pct25-parallel"), InlineData("gptj-none")]
    public void A_checkpoint_of_a_run_is_restored_to_the_last_bit(string fixture)
    {
        using PretrainedModel trained = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        using var optimizer = new FusedAdamW(trained.Model, new AdamWOptions());
        using (var scope = NewDisposeScope())
        {
            Tensor ids = arange(20L).view(2, 10);
            using var batch = TensorBatch.Of(ids, ids, ids);
            CausalLoss.Backward(trained.Model, batch, 18);
            optimizer.ClipAndStep(1e-3, maxGradNorm: 1);
        }
        // three steps, of which the guard and the loss scaler skipped one each
        var progress = new TrainProgress(3, 2) { Guard = new() { SkippedSteps = 1 }, Scaler = new() { SkippedSteps = 1 } };
        string checkpoint = new RunFolder(_temp["run"]).SaveCheckpoint(trained, optimizer, progress, keepLast: 1);

        using PretrainedModel resumed = PretrainedModel.Load(new ModelSource(Fixture.Path(fixture)));
        using var resumedOptimizer = new FusedAdamW(resumed.Model, new AdamWOptions());
        TrainProgress restored = RunFolder.LoadCheckpoint(checkpoint, resumed, resumedOptimizer);
        Assert.Equal((3, 2L), (restored.Step, restored.ExamplesTaken));
        Assert.Equal((1, 1), (optimizer.StepCount, resumedOptimizer.StepCount)); // bias correction counts the steps that were taken
        Assert.Equal((1, 0), (restored.Guard.SkippedSteps, restored.Guard.ConsecutiveSkips));
        Assert.Empty(restored.Guard.RecentLosses);
        foreach (((string name, var expected), (_, var found)) in trained.Model.named_parameters().Zip(resumed.Model.named_parameters()))
        {
            Assert.True(found.Equals(expected), name);
        }
        Assert.All(optimizer.State().Zip(resumedOptimizer.State()),
            pair => Assert.True(pair.First.Value.Equals(pair.Second.Value), pair.First.Name));
    }

    [Theory]
    [InlineData("formats/sharded-safetensors-f16"), InlineData("formats/single-safetensors-bf16"), InlineData("llama-gqa-linear8")]
    [InlineData("formats/pytorch-bin-f32"), InlineData("formats/sharded-pytorch-bin-f16"),
        InlineData("formats/sharded-pytorch-bin-bf16-with-inv_freq")]
    public void Stored_halves_compute_the_logits_of_the_reference(string folder)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(folder)));
        using SafetensorsFile reference = SafetensorsFile.Open(Fixture.Path(folder, "reference.safetensors"));
        Tensor Read(string name) => reference.Read(reference.Tensors[name]);
        Tensor difference = pretrained.Model.Logits(Read("input_ids"), Read("position_ids.pose2")) - Read("logits.pose2");
        Assert.InRange(difference.abs().max().item<float>(), 0, 1e-4);
    }

    [Theory]
    [InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void A_tied_head_may_be_stored_under_either_name_or_both(bool embedding, bool head)
    {
        string folder = _temp.Copy(Fixture.Path("llama-gqa-yarn16-tied"), "tied");
        Rewrite(folder, tensors =>
        {
            Tensor tied = tensors["model.embed_tokens.weight"];
            if (!embedding)
            {
                tensors.Remove("model.embed_tokens.weight");
            }
            if (head)
            {
                tensors["lm_head.weight"] = tied;
            }
        });
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(folder));
        pretrained.Save(_temp["saved"]);
        Assert.Equal(ReadFolder(folder).Keys.Order(), ReadFolder(_temp["saved"]).Keys.Order());
        byte[] expected = RawSafetensors.Read(Fixture.Path("llama-gqa-yarn16-tied", "model.safetensors"))["model.embed_tokens.weight"].Data;
        Assert.True(pretrained.Model.HeadWeight.bytes.SequenceEqual(expected));
        Assert.All(ReadFolder(_temp["saved"]).Where(t => t.Key is "model.embed_tokens.weight" or "lm_head.weight"),
            t => Assert.Equal(expected, t.Value.Data));
    }

    [Fact]
    public void Two_different_tensors_cannot_be_one_tied_head()
    {
        string folder = _temp.Copy(Fixture.Path("llama-gqa-yarn16-tied"), "tied");
        Rewrite(folder, tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 1);
        ExpectError(folder, "tensor lm_head.weight: differs from the embedding, but config.json says tie_word_embeddings: true");
    }

    [Fact]
    public void Everything_wrong_with_the_weights_is_told_at_once()
    {
        string folder = _temp.Copy(Fixture.Path("llama-gqa-linear8"), "broken");
        Rewrite(folder, tensors =>
        {
            tensors.Remove("model.norm.weight");
            tensors["lm_head.weight"] = zeros(96, 63);
            tensors["model.layers.0.mlp.up_proj.weight"] = zeros([80, 64], ScalarType.Int32);
            tensors["model.layers.7.mlp.up_proj.weight"] = zeros(80, 64);
        });
        string message = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder))).Message;
        string file = Path.Combine(folder, "model.safetensors");
        Assert.Equal(
        [
            $"{file}: the weights do not fit config.json:",
            $"  {file}: tensor lm_head.weight: expected [96, 64], found [96, 63]",
            $"  {file}: tensor model.layers.0.mlp.up_proj.weight: expected F64, F32, F16 or BF16, found I32",
            $"  {file}: tensor model.layers.7.mlp.up_proj.weight: unexpected, found [80, 64]",
            $"  {file}: tensor model.norm.weight: missing, expected [64]",
        ], [message.Split(Environment.NewLine)[0], .. message.Split(Environment.NewLine)[1..].Order(StringComparer.Ordinal)]);
    }

    [Fact]
    public void Of_very_many_faults_a_hundred_are_told()
    {
        string folder = _temp.Copy(Fixture.Path("llama-linear8"), "deep");
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 40"));
        string[] lines = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder))).Message
            .Split(Environment.NewLine);
        Assert.Equal(1 + 100 + 1, lines.Length);
        Assert.Equal("  ... and more", lines[^1]);
        Assert.All(lines[1..^1], line => Assert.EndsWith("]", line));
    }

    [Fact]
    public void A_configuration_that_claims_a_giant_takes_no_memory_for_it()
    {
        string folder = _temp.Copy(Fixture.Path("llama-linear8"), "giant");
        string config = Path.Combine(folder, "config.json"), text = File.ReadAllText(config);
        File.WriteAllText(config, text.Replace("\"vocab_size\": 96", "\"vocab_size\": 60000000")
            .Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 8000"));
        long before = GC.GetAllocatedBytesForCurrentThread();
        ExpectError(folder, "model.embed_tokens.weight: expected [60000000, 64], found [96, 64]");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    [Fact]
    public void An_override_of_the_rope_reaches_the_model_and_is_saved_in_portable_terms()
    {
        string source = Fixture.Path("llama-yarn16"), saved = _temp["saved"];
        RopeOptions revised;
        using (PretrainedModel pretrained =
            PretrainedModel.Load(new ModelSource(source, new RopeOverrides { Type = RopeType.YarnRevised })))
        {
            revised = pretrained.Model.Config.Rope;
            pretrained.Save(saved);
        }
        DecoderConfig read = HfConfig.Read(Path.Combine(saved, "config.json")).Model;
        Assert.Equal((RopeType.LongRope, 512), (read.Rope.Type, read.MaxPositionEmbeddings));
        double[] expected = RopeFrequency.Compute(revised, 16).InvFreq, found = RopeFrequency.Compute(read.Rope, 16, 512).InvFreq;
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
    }

    [Fact]
    public void Tokenizer_files_are_carried_along_and_an_existing_checkpoint_is_replaced()
    {
        string source = _temp.Copy(Fixture.Path("formats", "single-safetensors-bf16"), "source"), saved = _temp["saved"];
        byte[] tokenizer = [1, 2, 0, 255];
        File.WriteAllBytes(Path.Combine(source, "tokenizer.model"), tokenizer);
        File.WriteAllText(Path.Combine(source, "generation_config.json"), "{ }");
        File.WriteAllText(Path.Combine(source, "some.tiktoken"), "IQ== 0");
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(source));
        pretrained.Save(saved, shardBytes: 10_000);
        Assert.True(Directory.GetFiles(saved, "*.safetensors").Length > 2);
        File.WriteAllText(Path.Combine(saved, "notes.txt"), "mine");
        pretrained.Save(saved);
        Assert.Equal(
            ["config.json", "generation_config.json",
                "model.safetensors", "notes.txt", FolderManifest.FileName, "some.tiktoken", "tokenizer.model"],
            Directory.GetFiles(saved).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(tokenizer, File.ReadAllBytes(Path.Combine(saved, "tokenizer.model")));
        Assert.Contains("Skipwise did not write it", Assert.Throws<SkipwiseException>(() => pretrained.Save(source)).Message);
        Assert.Equal(["saved", "source"], Directory.GetFileSystemEntries(_temp.Path).Select(Path.GetFileName).Order());
    }

    /// <summary>A head with the embedding's rows gives the same scores tied or not: its bias stays in either.</summary>
    [Fact]
    public void A_tied_GPT_J_is_read_with_the_bias_of_its_head()
    {
        string untied = _temp.Copy(Fixture.Path("gptj-none"), "untied"), tied = _temp.Copy(untied, "tied"), saved = _temp["saved"];
        Rewrite(untied, tensors => tensors["lm_head.weight"] = tensors["transformer.wte.weight"]);
        Rewrite(tied, tensors => tensors.Remove("lm_head.weight"));
        string config = Path.Combine(tied, "config.json"), text = File.ReadAllText(config);
        File.WriteAllText(config, text.Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"));
        using PretrainedModel one = PretrainedModel.Load(new ModelSource(untied)), two = PretrainedModel.Load(new ModelSource(tied));
        using IDisposable noGradient = no_grad();
        Tensor ids = tensor(new long[,] { { 5, 9, 30, 2, 17 } }), positions = arange(5).unsqueeze(0);
        Tensor expected = one.Model.Logits(ids, positions);
        Tensor bias = one.Model.named_parameters().Single(p => p.name == "lm_head.bias").parameter;
        Assert.True(bias.abs().max().ToSingle() > 0.01);
        Assert.True(allclose(expected, two.Model.Logits(ids, positions), atol: 1e-5));
        Assert.False(two.Model.IsHeadLinear);
        Assert.Equal(InspectModel.Describe(new ModelSource(tied)).Parameters, two.Model.parameters().Sum(p => p.numel()));
        two.Save(saved);
        using PretrainedModel again = PretrainedModel.Load(new ModelSource(saved));
        Assert.True(two.Model.Logits(ids, positions).Equals(again.Model.Logits(ids, positions)));
    }

    /// <summary>The base may be moved or changed while a run of days goes on.</summary>
    [Fact]
    public void What_is_carried_along_is_what_lay_there_at_the_beginning()
    {
        string source = _temp.Copy(Fixture.Path("formats", "single-safetensors-bf16"), "source"), saved = _temp["saved"];
        File.WriteAllText(Path.Combine(source, "tokenizer_config.json"), "{ \"first\": 1 }");
        byte[] config = File.ReadAllBytes(Path.Combine(source, "config.json"));
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(source));
        Directory.Delete(source, recursive: true);
        pretrained.Save(saved);
        Assert.Equal("{ \"first\": 1 }", File.ReadAllText(Path.Combine(saved, "tokenizer_config.json")));
        Assert.Equal(config, File.ReadAllBytes(Path.Combine(saved, "config.json")));
    }

    [Fact]
    public void A_folder_that_is_no_checkpoint_is_never_overwritten()
    {
        string mine = Directory.CreateDirectory(_temp["mine"]).FullName;
        File.WriteAllText(Path.Combine(mine, "thesis.txt"), "irreplaceable");
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("formats", "single-safetensors-bf16")));
        Assert.Contains("so nothing in it is replaced", Assert.Throws<SkipwiseException>(() => pretrained.Save(mine)).Message);
        Assert.Equal(["thesis.txt"], Directory.GetFileSystemEntries(mine).Select(Path.GetFileName));
    }

    [Fact]
    public void A_failed_save_leaves_what_was_there()
    {
        string saved = _temp["saved"];
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path("formats", "single-safetensors-bf16")));
        pretrained.Save(saved);
        var before = Directory.GetFiles(saved).ToDictionary(f => f, File.ReadAllBytes);
        string message = Assert.Throws<SkipwiseException>(() => AtomicFolder.Write(saved, PretrainedModel.Kind, inner =>
        {
            pretrained.WriteFiles(inner);
            throw new IOException("the disk is full");
        })).Message;
        Assert.Contains("cannot be written: the disk is full", message);
        Assert.Equal(before, Directory.GetFiles(saved).ToDictionary(f => f, File.ReadAllBytes));
        Assert.Equal([saved], Directory.GetFileSystemEntries(_temp.Path));
    }

    [Fact]
    public void A_fresh_model_is_saved_as_a_folder_that_loads()
    {
        DecoderConfig config = HfConfig.Read(Fixture.Path("llama3-rope", "config.json")).Model;
        using PretrainedModel fresh = PretrainedModel.Create(new CausalLM(config));
        WeightInit.Initialize(fresh.Model, seed: 1);
        fresh.Save(_temp["fresh"]);
        using PretrainedModel read = PretrainedModel.Load(new ModelSource(_temp["fresh"]));
        Assert.Equal(config, read.Model.Config);
        foreach (((string name, var a), (_, var b)) in fresh.Model.named_parameters().Zip(read.Model.named_parameters()))
        {
            Assert.True(a.Equals(b), name);
        }
    }

    private static Dictionary<string, (string Type, long[] Shape, byte[] Data)> ReadFolder(string folder)
    {
        string index = Path.Combine(folder, WeightFiles.IndexName);
        if (!File.Exists(index))
        {
            return RawSafetensors.Read(Path.Combine(folder, WeightFiles.SingleName));
        }
        var map = (JsonObject)JsonNode.Parse(File.ReadAllText(index))!["weight_map"]!;
        var shards = map.Select(pair => pair.Value!.GetValue<string>()).Distinct()
            .ToDictionary(name => name, name => RawSafetensors.Read(Path.Combine(folder, name)));
        return map.ToDictionary(pair => pair.Key, pair => shards[pair.Value!.GetValue<string>()][pair.Key]);
    }

    private static void Rewrite(string folder, Action<Dictionary<string, Tensor>> edit)
    {
        using var scope = NewDisposeScope();
        string path = Path.Combine(folder, WeightFiles.SingleName);
        Dictionary<string, Tensor> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            tensors = file.Tensors.Values.ToDictionary(entry => entry.Name, file.Read);
        }
        edit(tensors);
        SafetensorsWriter.Write(path, tensors.Select(pair => (pair.Key, pair.Value, pair.Value.dtype)));
    }

    private static void ExpectError(string folder, string expected) =>
        Assert.Contains(expected, Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder)).Dispose()).Message);
}
