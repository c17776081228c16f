using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Recipes;
using Skipwise.Tests.Checkpoints.Formats.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Peft;

/// <summary>The forms that PEFT and LongLoRA give to weights beside the updates, of models with a tied head and with one of its
/// own.</summary>
public sealed class PeftFormsTests : IDisposable
{
    private const string Embedding = "model.embed_tokens", Head = "lm_head", Peft = "base_model.model.";
    private const string EmbeddingWeight = Embedding + ".weight", HeadWeight = Head + ".weight";
    private const string Saved = """, "modules_to_save": ["embed_tokens"]""", Tying = """, "ensure_weight_tying": true""";
    private static readonly string s_tied = Fixture.Path("llama-gqa-yarn16-tied"), s_untied = Fixture.Path("llama-gqa-linear8"),
        s_biased = Fixture.Path("llama-attention-bias-theta");
    private readonly TempFolder _temp = new();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _temp.Dispose();
    }

    /// <summary>What PEFT does: a module that is replaced or updated gets a weight of its own, and the other one keeps the base
    /// model's.</summary>
    [Theory]
    [InlineData("embedding replaced"), InlineData("head replaced"), InlineData("head updated"), InlineData("embedding updated")]
    [InlineData("both replaced")]
    public void An_adapter_of_one_of_two_tied_modules_unties_them(string form)
    {
        Tensor a = Random(1, 2, 64), b = Random(2, 96, 2), whole = Random(3, 96, 64), other = Random(4, 96, 64);
        string folder = form switch
        {
            "embedding replaced" => Write(Saved, (EmbeddingWeight, whole)),
            "head replaced" => Write(""", "modules_to_save": ["lm_head"]""", (HeadWeight, whole)),
            "both replaced" => Write(""", "modules_to_save": ["embed_tokens", "lm_head"]""", (EmbeddingWeight, whole), (HeadWeight, other)),
            "head updated" => Write("", (Head + ".lora_A.weight", a), (Head + ".lora_B.weight", b)),
            _ => Write("", (Embedding + ".lora_embedding_A", b.t().contiguous()), (Embedding + ".lora_embedding_B", a.t().contiguous())),
        };
        using PretrainedModel plain = Load(s_tied), adapted = Load(s_tied, folder);
        Tensor first = plain.Model.HeadWeight, updated = first + (3 * b.matmul(a));
        (Tensor embedding, Tensor head) = form switch
        {
            "embedding replaced" => (whole, first),
            "head replaced" => (first, whole),
            "both replaced" => (whole, other),
            "head updated" => (first, updated),
            _ => (updated, first),
        };
        Assert.True(Weight(adapted, EmbeddingWeight).allclose(embedding, 1e-6, 1e-6));
        Assert.True(Weight(adapted, HeadWeight).allclose(head, 1e-6, 1e-6));
        Assert.Contains(adapted.Warnings, warning => warning.Contains("ensure_weight_tying", StringComparison.Ordinal));

        MergeAdapter.Run(new() { Model = s_tied, Adapter = folder, Out = _temp["merged"] });
        using PretrainedModel merged = Load(_temp["merged"]);
        Assert.False(merged.Config.Model.TieWordEmbeddings);
        Assert.True(Logits(merged).Equals(Logits(adapted)));
        Assert.Equal(plain.Config.Model with { TieWordEmbeddings = false }, merged.Config.Model);
    }

    [Theory]
    [InlineData(Saved + Tying, false), InlineData(Saved + Tying, true)]
    [InlineData(""", "modules_to_save": ["embed_tokens", "lm_head"]""", true)]
    public void Tied_modules_that_are_to_stay_so_change_together(string config, bool hasCopy)
    {
        Tensor whole = Random(3, 96, 64);
        string folder = hasCopy ? Write(config, (EmbeddingWeight, whole), (HeadWeight, whole)) : Write(config, (EmbeddingWeight, whole));
        using PretrainedModel adapted = Load(s_tied, folder);
        Assert.True(adapted.Model.Config.TieWordEmbeddings);
        Assert.True(adapted.Model.HeadWeight.Equals(whole));
        Assert.Empty(adapted.Warnings);
    }

    [Fact]
    public void Two_readings_of_a_tied_pair_are_refused()
    {
        Tensor whole = Random(3, 96, 64), other = Random(4, 96, 64), a = Random(1, 2, 64), b = Random(2, 96, 2);
        Refused(Write(Saved + Tying, (EmbeddingWeight, whole), (HeadWeight, other)),
            "says ensure_weight_tying, but changes them differently");
        Refused(Write(Tying, (Head + ".lora_A.weight", a), (Head + ".lora_B.weight", b)),
            "a LoRA weight that PEFT 0.18 gives to one of them");
        Refused(Write("", (Embedding + ".base_layer.weight", whole), (Head + ".base_layer.weight", other)),
            "holds two different weights for them");

        void Refused(string folder, string why)
        {
            string message = Assert.Throws<SkipwiseException>(() => Load(s_tied, folder)).Message;
            Assert.Contains(why, message);
            Assert.Contains("lm_head.weight are one matrix", message);
        }
    }

    /// <summary>PEFT writes the base model's own head beside its update; of a tied pair it is the weight of both.</summary>
    [Fact]
    public void The_weight_under_an_update_is_replaced_before_it_is_updated()
    {
        Tensor a = Random(1, 2, 64), b = Random(2, 96, 2), whole = Random(3, 96, 64);
        string folder = Write("", (Head + ".lora_A.weight", a), (Head + ".lora_B.weight", b), (Head + ".base_layer.weight", whole));
        using (PretrainedModel untied = Load(s_untied, folder))
        {
            Assert.True(untied.Model.HeadWeight.allclose(whole + (3 * b.matmul(a)), 1e-6, 1e-6));
            Assert.Equal((1, 1), untied.Merged);
        }
        using PretrainedModel tied = Load(s_tied, folder);
        Assert.True(tied.Model.HeadWeight.allclose(whole + (3 * b.matmul(a)), 1e-6, 1e-6));
        Assert.True(Weight(tied, EmbeddingWeight).Equals(whole));
    }

    /// <summary>Updates are the same if what they add is: of equal factors the scale decides.</summary>
    [Theory]
    [InlineData("", 3, true), InlineData(""", "alpha_pattern": {"lm_head": 12}""", 6, false)]
    public void Equal_factors_of_both_tied_modules_part_them_where_their_scales_differ(string config, int scaleOfHead, bool stayTied)
    {
        Tensor a = Random(1, 2, 64), b = Random(2, 96, 2), change = b.matmul(a);
        string folder = Write(config, (Head + ".lora_A.weight", a), (Head + ".lora_B.weight", b),
            (Embedding + ".lora_embedding_A", b.t().contiguous()), (Embedding + ".lora_embedding_B", a.t().contiguous()));
        using PretrainedModel plain = Load(s_tied), adapted = Load(s_tied, folder);
        Assert.Equal(stayTied, adapted.Model.Config.TieWordEmbeddings);
        Tensor first = plain.Model.HeadWeight;
        Assert.True(Weight(adapted, EmbeddingWeight).allclose(first + (3 * change), 1e-6, 1e-6));
        Assert.True(adapted.Model.HeadWeight.allclose(first + (scaleOfHead * change), 1e-6, 1e-6));
    }

    [Fact]
    public void A_module_that_is_replaced_does_not_use_the_base_weight_that_was_trained_beside_it()
    {
        Tensor trained = Random(3, 96, 64), own = Random(4, 96, 64);
        string folder = Write("", (Head + ".base_layer.weight", trained), (Head + ".modules_to_save.weight", own));
        using PretrainedModel adapted = Load(s_untied, folder);
        Assert.True(adapted.Model.HeadWeight.Equals(own));
    }

    /// <summary>bias="all": biases of updated layers lie under base_layer; those of a replaced module stand in the file twice, beside
    /// an original that nobody uses.</summary>
    [Fact]
    public void Trained_biases_and_raw_names_are_read()
    {
        const string query = "model.layers.1.self_attn.q_proj", value = "model.layers.0.self_attn.v_proj";
        Tensor a = Random(1, 2, 64), b = Random(2, 64, 2), bias = Random(3, 64), norm = Random(4, 64), unused = Random(5, 64);
        using PretrainedModel plain = Load(s_biased);
        Tensor ofValue = Random(6, Weight(plain, value + ".bias").size(0));
        string folder = Write(""", "bias": "all", "modules_to_save": ["norm"]""",
            (query + ".lora_A.default.weight", a), (query + ".lora_B.default.weight", b), (query + ".base_layer.bias", bias),
                (value + ".bias", ofValue),
            ("model.norm.modules_to_save.default.weight", norm), ("model.norm.weight", norm),
                ("model.norm.original_module.weight", unused));
        using PretrainedModel adapted = Load(s_biased, folder);
        Assert.True(Weight(adapted, query + ".weight").allclose(Weight(plain, query + ".weight") + (3 * b.matmul(a)), 1e-6, 1e-6));
        Assert.True(Weight(adapted, query + ".bias").Equals(bias));
        Assert.True(Weight(adapted, value + ".bias").Equals(ofValue));
        Assert.True(Weight(adapted, "model.norm.weight").Equals(norm));
        Assert.Empty(adapted.Warnings);
    }

    [Fact]
    public void Weights_that_should_be_in_the_adapter_and_are_not_are_told()
    {
        string folder = Write(""", "bias": "lora_only", "modules_to_save": ["embed_tokens"]""",
            ("model.layers.1.self_attn.q_proj.lora_A.weight", Random(1, 2, 64)),
            ("model.layers.1.self_attn.q_proj.lora_B.weight", Random(2, 64, 2)));
        using PretrainedModel adapted = Load(s_untied, folder);
        Assert.Equal(2, adapted.Warnings.Count);
        Assert.Contains("modules_to_save names embed_tokens", adapted.Warnings[0]);
        Assert.Contains("biases were trained, but the adapter holds none", adapted.Warnings[1]);
    }

    /// <summary>LongLoRA's file is loaded into the base model: of a tied one, into embedding and head at once.</summary>
    [Theory]
    [InlineData(""), InlineData(Peft)]
    public void LongLoRAs_trained_embedding_and_norms_are_read(string prefix)
    {
        Tensor whole = Random(3, 96, 64), norm = Random(4, 64);
        string folder = Write("", ("model.layers.1.self_attn.q_proj.lora_A.weight", Random(1, 2, 64)),
            ("model.layers.1.self_attn.q_proj.lora_B.weight", Random(2, 64, 2)));
        byte[] file = RawTorch.Model([(prefix + EmbeddingWeight, [96, 64], [64, 1], whole.bytes.ToArray()),
            (prefix + "model.layers.0.input_layernorm.weight", [64], [1], norm.bytes.ToArray()),
            (prefix + "model.layers.0.self_attn.rotary_emb.inv_freq", [64], [1], norm.bytes.ToArray())]);
        File.WriteAllBytes(Path.Combine(folder, "trainable_params.bin"), file);
        using PretrainedModel adapted = Load(s_tied, folder);
        Assert.True(adapted.Model.Config.TieWordEmbeddings);
        Assert.True(adapted.Model.HeadWeight.Equals(whole));
        Assert.True(Weight(adapted, "model.layers.0.input_layernorm.weight").Equals(norm));
        Assert.Empty(adapted.Warnings);
        Assert.Equal(new MergedAdapter(1, 2, false), MergeAdapter.Run(new() { Model = s_tied, Adapter = folder, Out = _temp["merged"] }));
    }

    [Fact]
    public void Weight_files_that_nobody_reads_are_named()
    {
        string folder = Write("", ("model.layers.1.self_attn.q_proj.lora_A.weight", Random(1, 2, 64)),
            ("model.layers.1.self_attn.q_proj.lora_B.weight", Random(2, 64, 2)));
        string model = _temp.Copy(s_untied, "model");
        foreach (string file in (string[])["adapter/adapter_model.bin", "adapter/more.safetensors", "adapter/optimizer.pt",
            "model/pytorch_model.bin", "model/adapter_model.safetensors", "model/training_args.bin", "model/tokenizer.bin",
            "model/x.gguf", "model/weights.txt"])
        {
            _temp.Write(file, "not read");
        }
        var notes = new List<string>();
        MergeAdapter.Run(new() { Model = model, Adapter = folder, Out = _temp["merged"] }, new SynchronousProgress<string>(notes.Add));
        string[] expected =
        [
            $"{folder}: adapter_model.bin, more.safetensors not read: the weights are those of adapter_model.safetensors",
            $"{model}: adapter_model.safetensors, pytorch_model.bin, x.gguf not read: the weights are those of model.safetensors",
        ];
        Assert.Equal(expected.Select(text => $"warning: {text}"), notes);
        Assert.Contains(expected[1], InspectModel.Describe(new ModelSource(model)).Warnings);
    }

    [Theory]
    [InlineData(5, "b5.bin not read"), InlineData(6, "b5.bin and 1 more not read")]
    public void Of_many_weight_files_that_nobody_reads_five_are_named(int count, string expected)
    {
        string model = _temp.Copy(s_untied, "model");
        for (int i = 1; i <= count; i++)
        {
            _temp.Write($"model/b{i}.bin", "not read");
        }
        Assert.Contains(InspectModel.Describe(new ModelSource(model)).Warnings,
            warning => warning.StartsWith($"{model}: b1.bin, ", StringComparison.Ordinal)
                && warning.Contains(expected, StringComparison.Ordinal));
    }

    /// <summary>Read back by PEFT's rules: without a copy of the head it would keep the base model's.</summary>
    [Fact]
    public void A_trained_embedding_of_a_tied_model_is_written_with_its_head()
    {
        using PretrainedModel trained = Load(s_tied);
        var adapted = new PeftModel(trained, new LoraOptions { Rank = 2, TrainEmbeddings = true }, "base", seed: 1);
        using (no_grad())
        {
            trained.Model.HeadWeight.mul_(0.5f);
        }
        adapted.WriteFiles(Directory.CreateDirectory(_temp["written"]).FullName);
        using LoraAdapter written = LoraAdapter.Read(_temp["written"]);
        Assert.Equal([EmbeddingWeight, HeadWeight], written.FullWeights.Select(w => w.Name));
        Assert.All(written.FullWeights, w => Assert.True(w.Value.Equals(trained.Model.HeadWeight)));
        Assert.Equal(["embed_tokens", "lm_head"], written.Config.ModulesToSave);
        using PretrainedModel again = Load(s_tied);
        new PeftModel(again, new LoraOptions { Rank = 2, TrainEmbeddings = true }, "base", seed: 1).ReadWeights(_temp["written"]);
        Assert.True(again.Model.HeadWeight.Equals(trained.Model.HeadWeight));
    }

    [Fact]
    public void A_factor_that_is_no_number_is_named()
    {
        string folder = Write("", ("model.layers.1.self_attn.q_proj.lora_A.weight", full([2, 64], float.NaN)),
            ("model.layers.1.self_attn.q_proj.lora_B.weight", Random(2, 64, 2)));
        Assert.Contains("q_proj.lora_A.weight: holds values that are not numbers (NaN)",
            Assert.Throws<SkipwiseException>(() => Load(s_untied, folder)).Message);
    }

    private static PretrainedModel Load(string model, string? adapter = null) =>
        PretrainedModel.Load(new ModelSource(model, Adapter: adapter));

    private static Parameter Weight(PretrainedModel model, string name) =>
        model.Model.named_parameters().Single(p => p.name == name).parameter;

    private static Tensor Logits(PretrainedModel model)
    {
        using IDisposable _ = no_grad();
        return model.Model.Logits(arange(20).view(2, 10), arange(10).view(1, 10));
    }

    /// <summary>An adapter with alpha / r = 3.</summary>
    /// <param name="more">keys of adapter_config.json</param>
    /// <param name="tensors">without PEFT's prefix</param>
    private string Write(string more, params (string Name, Tensor Value)[] tensors)
    {
        string folder = Directory.CreateDirectory(_temp["adapter"]).FullName;
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), $$"""{"peft_type": "LORA", "r": 2, "lora_alpha": 6{{more}}}""");
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), tensors
            .Select(t => (Peft + t.Name, t.Value, ScalarType.Float32)));
        return folder;
    }

    private static Tensor Random(ulong seed, params long[] shape)
    {
        var rng = new KeyedRandom(seed);
        float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(rng.NextDouble() - 0.5);
        }
        return tensor(values, shape);
    }
}
