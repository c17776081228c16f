using System.Runtime.InteropServices;
using System.Text.Json;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Recipes;
using Skipwise.Tests.Checkpoints.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Peft;

public sealed class LoraAdapterTests : IDisposable
{
    private const string Query = "model.layers.1.self_attn.q_proj", Down = "model.layers.0.mlp.down_proj";
    private readonly TempFolder _temp = new();
    private readonly string _base = Fixture.Path("llama-gqa-linear8");

    public void Dispose() => _temp.Dispose();

    /// <summary>W + scale * B A, each sum by hand in double.</summary>
    [Theory]
    [InlineData(false, 16.0 / 3), InlineData(true, 9.2376043070340122)]
    public void Merging_adds_scale_times_B_A(bool rankStabilized, double scale)
    {
        string folder =
            WriteAdapter(
                $$"""{"peft_type": "LORA", "r": 3, "lora_alpha": 16, "use_rslora": {{(rankStabilized ? "true" : "false")}}, "target_modules": ["q_proj", "down_proj"], "bias": "none"}""", (Query, 3), (Down, 3));
        using PretrainedModel plain = PretrainedModel.Load(new ModelSource(_base)),
            merged = PretrainedModel.Load(new ModelSource(_base, Adapter: folder));
        var before = plain.Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach ((string name, var after) in merged.Model.named_parameters())
        {
            float[] expected = Values(before[name]);
            string module = name[..name.LastIndexOf('.')];
            if (module is Query or Down)
            {
                (float[] a, float[] b) = Factors(folder, module);
                int inputs = (int)after.size(1);
                for (int i = 0; i < expected.Length; i++)
                {
                    double sum = 0;
                    for (int k = 0; k < 3; k++)
                    {
                        sum += (double)b[(i / inputs * 3) + k] * a[(k * inputs) + (i % inputs)];
                    }
                    expected[i] = (float)(expected[i] + (scale * sum));
                }
                Assert.True((before[name] - after).abs().max().item<float>() > 0.1);
            }
            Assert.All(expected.Zip(Values(after)), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
        }
    }

    /// <summary>Baichuan stores queries, keys and values as one tensor, GPT-NeoX head by head: the update is one of the tensor that is
    /// stored.</summary>
    [Theory]
    [InlineData("baichuan2-none", "model.layers.1.self_attn.W_pack"),
        InlineData("gpt_neox-pct25-parallel", "gpt_neox.layers.1.attention.query_key_value")]
    public void A_merged_folder_holds_the_sum_under_the_names_of_the_base(string fixture, string module)
    {
        string folder = WriteAdapter("""{"peft_type": "LORA", "r": 2, "lora_alpha": 6}""", (module, 2));
        MergedAdapter merged = MergeAdapter.Run(new() { Model = Fixture.Path(fixture), Adapter = folder, Out = _temp["merged"] });
        Assert.Equal(new MergedAdapter(1, 0, false), merged);
        var before = RawSafetensors.Read(Fixture.Path(fixture, "model.safetensors"));
        var after = RawSafetensors.Read(Path.Combine(_temp["merged"], "model.safetensors"));
        (float[] a, float[] b) = Factors(folder, module);
        foreach ((string name, (_, _, byte[] data)) in after)
        {
            float[] expected = MemoryMarshal.Cast<byte, float>(before[name].Data).ToArray();
            for (int i = 0; name == module + ".weight" && i < expected.Length; i++)
            {
                int row = i / 64, column = i % 64;
                expected[i] += 3 * ((b[row * 2] * a[column]) + (b[(row * 2) + 1] * a[64 + column]));
            }
            Assert.All(expected.Zip(MemoryMarshal.Cast<byte, float>(data).ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
        Assert.Equal(File.ReadAllText(Fixture.Path(fixture, "config.json")),
            File.ReadAllText(Path.Combine(_temp["merged"], "config.json")));
    }

    /// <summary>The family's own modules, as PEFT looks for them, hold updates that do to the stored tensors what training did to their
    /// parts.</summary>
    [Theory]
    [InlineData("phi3", "all-linear", "qkv_proj:6 o_proj:2 gate_up_proj:4 down_proj:2"),
        InlineData("phi3", "v_proj,up_proj", "qkv_proj:2 gate_up_proj:2")]
    [InlineData("baichuan2-none", "q_proj,k_proj,v_proj", "W_pack:6"),
        InlineData("gpt_neox-pct25-parallel", "q_proj,v_proj,o_proj", "query_key_value:4 dense:2")]
    [InlineData("gptj-none", "q_proj,o_proj", "q_proj:2 out_proj:2")]
    public void Updates_of_joint_projections_are_stored_as_one_and_come_back(string family, string targets, string expected)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = family == "phi3" ? WritePhi3() : Fixture.Path(family);
        var options = new LoraOptions { Rank = 2, Alpha = 3, TargetModules = targets.Split(',') };
        using PretrainedModel trained = PretrainedModel.Load(new ModelSource(folder)),
            other = PretrainedModel.Load(new ModelSource(folder));
        var adapted = new PeftModel(trained, options, "base", seed: 1);
        foreach (var update in LoraInjector.LoraWeights(trained.Model))
        {
            update.B.uniform_(-1, 1);
        }
        Directory.CreateDirectory(_temp["adapter"]);
        adapted.WriteFiles(_temp["adapter"]);

        using (LoraAdapter written = LoraAdapter.Read(_temp["adapter"]))
        {
            Assert.Equal(expected,
                string.Join(' ', written.Weights.Select(w => $"{w.Module[(w.Module.LastIndexOf('.') + 1)..]}:{w.A.size(0)}").Distinct()));
            Assert.Equal(written.Weights.Select(w => w.Module[(w.Module.LastIndexOf('.') + 1)..]).Distinct(), written.Config.TargetModules);
            Assert.All(written.Weights, w => Assert.Equal(1.5, w.Scale));
        }
        using PretrainedModel merged = PretrainedModel.Load(new ModelSource(folder, Adapter: _temp["adapter"]));
        Tensor ids = arange(20L).view(2, 10), positions = arange(10L).unsqueeze(0);
        Tensor expectedLogits = trained.Model.Logits(ids, positions), found = merged.Model.Logits(ids, positions);
        Assert.True(found.allclose(expectedLogits, rtol: 1e-4, atol: 1e-4 * expectedLogits.abs().max().item<float>()));
        Assert.False(found.allclose(other.Model.Logits(ids, positions), rtol: 1e-2, atol: 1e-2));

        new PeftModel(other, options, "base", seed: 2).ReadWeights(_temp["adapter"]);
        Assert.All(trained.Model.named_parameters().Zip(other.Model.named_parameters()),
            pair => Assert.True(pair.First.parameter.Equals(pair.Second.parameter), pair.First.name));
        using PretrainedModel smaller = PretrainedModel.Load(new ModelSource(folder));
        var mismatched = new PeftModel(smaller, options with { Rank = 1 }, "base", seed: 2);
        Assert.Contains("it was trained with other options",
            Assert.Throws<SkipwiseException>(() => mismatched.ReadWeights(_temp["adapter"])).Message);
        if (targets == "all-linear")
        {
            return; // there is none to add
        }
        using PretrainedModel wider = PretrainedModel.Load(new ModelSource(folder));
        var more = new PeftModel(wider, options with { TargetModules = [.. options.TargetModules, "down_proj"] }, "base", seed: 2);
        Assert.Contains("it was trained with other options",
            Assert.Throws<SkipwiseException>(() => more.ReadWeights(_temp["adapter"])).Message);
    }

    [Fact]
    public void Ranks_and_alphas_may_differ_by_module()
    {
        string folder = WriteAdapter("""
            {"peft_type": "LORA", "r": 3, "lora_alpha": 6, "target_modules": ".*_proj",
             "rank_pattern": {"down_proj": 4}, "alpha_pattern": {"layers\\.1\\.self_attn\\..*": 30}}
            """, (Query, 3), (Down, 4));
        using LoraAdapter adapter = LoraAdapter.Read(folder);
        Assert.Equal([(Query + ".weight", 10.0), (Down + ".weight", 1.5)], adapter.Weights.Select(w => (w.Target, w.Scale)));
    }

    /// <summary>A pattern matches whole parts of a name, from a dot on; rsLoRA divides by the root of the module's own rank.</summary>
    [Fact]
    public void A_pattern_is_anchored_at_a_dot_and_rsLoRA_takes_the_module_s_rank()
    {
        string folder = WriteAdapter("""
            {"peft_type": "LORA", "r": 4, "lora_alpha": 6, "use_rslora": true, "rank_pattern": {"proj": 9, "n_proj": 9, "down_proj": 16},
                "alpha_pattern": {"q_pro": 30, "_proj": 30}}
            """, (Query, 4), (Down, 16));
        using LoraAdapter adapter = LoraAdapter.Read(folder);
        Assert.Equal([(Query + ".weight", 3.0), (Down + ".weight", 1.5)], adapter.Weights.Select(w => (w.Target, w.Scale)));
    }

    [Fact]
    public void Whole_modules_and_biases_take_the_place_of_the_base_models()
    {
        using var scope = NewDisposeScope();
        string folder =
            WriteAdapter("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}""",
                (Query, 2));
        Append(folder, "base_model.model.lm_head.modules_to_save.weight", full([96, 64], 0.25f));
        using PretrainedModel merged = PretrainedModel.Load(new ModelSource(_base, Adapter: folder));
        Assert.True((merged.Model.HeadWeight == 0.25f).all().item<bool>());
    }

    [Fact]
    public void What_is_written_is_what_PEFT_reads_and_comes_back()
    {
        using var scope = NewDisposeScope();
        var config =
            new LoraConfig
            {
                Rank = 2,
                Alpha = 4,
                Dropout = 0.05,
                TargetModules = ["q_proj", "down_proj"],
                AlphaPattern = new Dictionary<string, double> { ["down_proj"] = 1.5 },
                BaseModel = "base"
            };
        var written =
            new LoraAdapter(config,
                [new(Query + ".weight", arange(128, ScalarType.Float32).view(2, 64), ones(64, 2), 2),
                    new(Down + ".weight", ones(2, 80), zeros(64, 2), 0.75)], []);
        written.Write(_temp["adapter"]);
        written.Write(_temp["adapter"]); // over the folder that is there

        var tensors = RawSafetensors.Read(Path.Combine(_temp["adapter"], "adapter_model.safetensors"));
        Assert.Equal(
            new[] { Query, Down }.SelectMany(m => new[] { $"base_model.model.{m}.lora_A.weight", $"base_model.model.{m}.lora_B.weight" })
            .Order(), tensors.Keys.Order());
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_temp["adapter"], "adapter_config.json")));
        Assert.Equal("LORA", json.RootElement.GetProperty("peft_type").GetString());
        Assert.Equal("CAUSAL_LM", json.RootElement.GetProperty("task_type").GetString());
        Assert.Equal("""["q_proj","down_proj"]""", JsonSerializer.Serialize(json.RootElement.GetProperty("target_modules")));
        Assert.Equal(4, json.RootElement.GetProperty("lora_alpha").GetInt32());

        using LoraAdapter read = LoraAdapter.Read(_temp["adapter"]);
        Assert.Equal(written.Weights.Select(w => (w.Target, w.Scale)), read.Weights.Select(w => (w.Target, w.Scale)));
        Assert.All(written.Weights.Zip(read.Weights),
            pair => Assert.True(pair.First.A.Equals(pair.Second.A) && pair.First.B.Equals(pair.Second.B)));
        Assert.Equal((2, 4.0, 0.05, "base"), (read.Config.Rank, read.Config.Alpha, read.Config.Dropout, read.Config.BaseModel));
    }

    [Theory]
    [InlineData("""{"peft_type": "IA3"}""", "key peft_type: expected \"LORA\", found \"IA3\"")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "use_dora": true}""", "key use_dora: true is not supported")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "trainable_token_indices": [1]}""",
        "key trainable_token_indices: [1] is not supported")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "init_lora_weights": "pissa"}""",
        "\"pissa\" trains against a changed base model")]
    [InlineData("""{"peft_type": "LORA", "r": 5, "lora_alpha": 2}""", "has rank 2, but adapter_config.json gives it 5")]
    [InlineData("""{"peft_type": "LORA", "r": 0, "lora_alpha": 2}""", "key r: expected a whole number > 0")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "rank_pattern": {"(": 2}}""", "key rank_pattern.(: is no pattern")]
    [InlineData("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2, "rank_pattern": {"(?:\\w+\\.?)+[0-9]{5}": 2}}""",
        "rank_pattern or alpha_pattern takes too long to match model.layers.1.self_attn.q_proj")]
    public void What_is_more_than_plain_LoRA_is_refused_by_name(string config, string expected) =>
        ExpectError(WriteAdapter(config, (Query, 2)), expected);

    [Theory]
    [InlineData("base_model.model.model.embed_tokens.lora_embedding_A",
        "model.embed_tokens.lora_embedding_B: missing: a LoRA adapter has two matrices, A and B")]
    [InlineData("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta",
        "trainable_tokens_delta: is no part of plain LoRA")]
    [InlineData("base_model.model.model.layers.1.self_attn.q_proj.lora_A.default.weight",
        "as base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight does, and differs from it")]
    [InlineData("base_model.model.model.layers.1.self_attn.q_proj.lora_embedding_A", "lora_embedding_B: missing")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight",
        "lora_magnitude_vector.weight: is no part of plain LoRA")]
    [InlineData("base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight",
        "v_proj.lora_B.weight: missing: a LoRA adapter has two matrices, A and B")]
    [InlineData("base_model.model.model.layers.9.mlp.up_proj.weight",
        "changes model.layers.9.mlp.up_proj.weight, which the model does not have")]
    [InlineData("base_model.model.model.norm.weight", "model.norm.weight: the adapter is for a weight [2, 2], the model's is [64]")]
    [InlineData("model.norm.weight", "expected a name that begins with base_model.model.")]
    public void A_tensor_without_a_place_is_named(string name, string expected)
    {
        using var scope = NewDisposeScope();
        string folder = WriteAdapter("""{"peft_type": "LORA", "r": 2, "lora_alpha": 2}""", (Query, 2));
        Append(folder, name, ones(2, 2));
        ExpectError(folder, expected);
    }

    private void ExpectError(string folder, string expected) =>
        Assert.Contains(expected,
            Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(_base, Adapter: folder))).Message);

    /// <summary>Random factors for modules of the fixture's model, under PEFT's names.</summary>
    private string WriteAdapter(string config, params (string Module, int Rank)[] modules)
    {
        using var scope = NewDisposeScope();
        var rng = new KeyedRandom(seed: 5);
        Tensor Random(params long[] shape)
        {
            float[] values = new float[shape[0] * shape[1]];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(rng.NextDouble() - 0.5);
            }
            return tensor(values, shape);
        }
        string folder = Directory.CreateDirectory(_temp["adapter"]).FullName;
        var tensors = modules.SelectMany(m =>
        {
            (long outputs, long inputs) = m.Module.EndsWith("pack", StringComparison.OrdinalIgnoreCase)
                || m.Module.EndsWith("value", StringComparison.Ordinal)
                ? (192, 64)
                : m.Module == Down
                ? (64, 80)
                : m.Module == "lm_head"
                ? (96, 64)
                : (64, 64);
            return new[] { ($"base_model.model.{m.Module}.lora_A.weight", Random(m.Rank, inputs)),
                ($"base_model.model.{m.Module}.lora_B.weight", Random(outputs, m.Rank)) };
        });
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"),
            tensors.Select(t => (t.Item1, t.Item2, ScalarType.Float32)));
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        return folder;
    }

    private static void Append(string folder, string name, Tensor value)
    {
        string path = Path.Combine(folder, "adapter_model.safetensors");
        (string, Tensor, ScalarType)[] tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Tensors.Values.Select(e => (e.Name, file.Read(e), ScalarType.Float32)), (name, value, ScalarType.Float32)];
        }
        SafetensorsWriter.Write(path, tensors);
    }

    private static (float[] A, float[] B) Factors(string folder, string module)
    {
        var tensors = RawSafetensors.Read(Path.Combine(folder, "adapter_model.safetensors"));
        float[] Values(string factor) =>
            MemoryMarshal.Cast<byte, float>(tensors[$"base_model.model.{module}.{factor}.weight"].Data).ToArray();
        return (Values("lora_A"), Values("lora_B"));
    }

    private static float[] Values(Tensor tensor)
    {
        using Tensor values = tensor.detach();
        return values.data<float>().ToArray();
    }

    /// <summary>A small model of a family whose queries, keys and values are one tensor and whose gates and ups another.</summary>
    private string WritePhi3()
    {
        using var scope = NewDisposeScope();
        string folder = Directory.CreateDirectory(_temp["phi3"]).FullName;
        string config = _temp.Write("phi3/config.json", """
            {"model_type": "phi3", "vocab_size": 40, "hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
             "max_position_embeddings": 64, "rope_theta": 10000.0, "bos_token_id": 1, "eos_token_id": 2, "rope_scaling": null, "original_max_position_embeddings": 64}
            """);
        HfConfig read = HfConfig.Parse(File.ReadAllText(config), config);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"),
            read.Family.StoredParameters(read.Model).Select(s => (s.Name, (rand([.. s.Shape]) - 0.5f) * 0.5f, ScalarType.Float32)));
        return folder;
    }
}
