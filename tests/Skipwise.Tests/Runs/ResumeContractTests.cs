using System.Text.Json.Nodes;
using Skipwise.Storage;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Runs;

/// <summary>What of a run may change when it is resumed, and what may not.</summary>
public sealed class ResumeContractTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Contract = "contract.json", Weights = "model.safetensors";

    /// <summary>Names and values stand in the folders of users: another one here, and their runs no longer continue.</summary>
    [Fact]
    public async Task The_record_of_a_run_is_this_text()
    {
        string folder = model.Path("recorded");
        await Begin(folder, "--eval-every", "2", "--eval-passkey-lengths", "128", "--seed", "18446744073709551615",
            "--learning-rate", "1e-5");
        JsonObject values = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, Contract)))!["values"]!.AsObject();
        string[] hashes =
            ["base_model.config", "base_model.weights", "tokenizer", "training_tokens", "bos", "model.bos_token_id", "model.eos_token_id",
                "model.vocab_size", "text.files", "base_model.adapter"];
        Assert.Equal("""
            adam_beta1=0.9
            adam_beta2=0.999
            adam_eps=1E-08
            batch_size=2
            chunk_content=skip
            chunk_lengths=uniform
            chunks=2
            device=cpu
            dtype=float32
            evaluation.passkey_lengths=128
            evaluation.passkey_trials=20
            gradient_accumulation_steps=1
            learning_rate=1E-05
            learning_rate_decay=linear
            learning_rate_scale.adapters=1
            learning_rate_scale.biases=1
            learning_rate_scale.embeddings=1
            learning_rate_scale.matrices=1
            learning_rate_scale.norms=1
            lora.rank=0
            mask_seams=false
            max_grad_norm=1
            min_document_tokens=63
            min_learning_rate_ratio=0
            model.activation=silu
            model.attention_bias=false
            model.attention_output_bias=false
            model.embedding_scale=1
            model.first_sliding_layer=0
            model.frozen_embedding_row=none
            model.gated_feed_forward=true
            model.head_bias=false
            model.head_dim=8
            model.hidden_size=16
            model.intermediate_size=24
            model.max_position_embeddings=256
            model.mlp_bias=false
            model.norm=rms
            model.norm_eps=1E-06
            model.normalized_head=false
            model.num_attention_heads=2
            model.num_hidden_layers=1
            model.num_key_value_heads=1
            model.query_key_norm=false
            model.residual=sequential
            model.rope.attention_factor=none
            model.rope.beta_fast=32
            model.rope.beta_slow=1
            model.rope.factor=4
            model.rope.high_freq_factor=4
            model.rope.long_factor=none
            model.rope.low_freq_factor=1
            model.rope.original_max_position_embeddings=64
            model.rope.short_factor=none
            model.rope.theta=10000
            model.rope.type=yarn
            model.rotary_dim=8
            model.rotary_layout=rotate-half
            model.sliding_window=none
            model.tie_word_embeddings=true
            model.z_loss_weight=0
            offload_optimizer=false
            optimizer=adamw
            packing=false
            positions=pose
            random_start=true
            seed=18446744073709551615
            spike_threshold=6
            split_after=
            steps=4
            target_length=256
            tf32=false
            train_length=64
            warmup_steps=10
            weight_decay=0
            """, string.Join('\n', values.Where(pair => !hashes.Contains(pair.Key)).Select(pair => $"{pair.Key}={pair.Value}")));
        Assert.All(hashes[..^1], name => Assert.NotNull(values[name]));
        Assert.Null(values["base_model.adapter"]); // there is none
    }

    /// <summary>A model that has moved, the CPU by its name, how often it saves, what is computed twice: the same bytes.</summary>
    [Fact]
    public async Task What_does_not_decide_the_bytes_may_change()
    {
        string whole = model.Path("as-it-was"), folder = model.Path("changed-since"), moved = model.Path("moved");
        (await CliRun.Of(Words(whole, model.Folder))).Succeeded();
        await Begin(folder);
        Copy(model.Folder, moved);
        (await CliRun.Of(
        [
            .. Words(folder, moved, "--resume"), "--save-every", "1", "--keep-last", "7", "--device", "cpu", "--recompute-every", "1",
            "--max-bad-steps", "9", "--tensorboard",
        ])).Succeeded();
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, Weights)), File.ReadAllBytes(Path.Combine(folder, Weights)));
        Assert.Equal(File.ReadAllText(Path.Combine(whole, Contract)), File.ReadAllText(Path.Combine(folder, Contract)));
    }

    /// <summary>An option that says what is done without it is no other option.</summary>
    [Fact]
    public async Task A_default_that_is_spelled_out_is_the_same()
    {
        string folder = model.Path("spelled-out");
        await Begin(folder, "--lora-rank", "4");
        (await CliRun.Of([.. Words(folder, model.Folder, "--resume"), "--lora-rank", "4", "--lora-alpha", "8"])).Succeeded();
    }

    /// <summary>A process that is killed between the two leaves no run that cannot be continued.</summary>
    [Fact]
    public async Task The_contract_is_there_before_run_json_says_that_there_is_a_run()
    {
        string folder = model.Path("begins");
        var before = new List<bool>();
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "create" && Path.GetFileName(at).StartsWith("run.json.", StringComparison.Ordinal))
            {
                before.Add(File.Exists(Path.Combine(folder, Contract)));
            }
        };
        await Begin(folder);
        FileSystem.Before.Value = null;
        Assert.Equal([true], before);
    }

    [Theory]
    [InlineData("seed is 1 in the run and 9 here", "--seed", "9")]
    [InlineData("dtype is float32 in the run and bfloat16 here", "--dtype", "bfloat16")]
    [InlineData("model.rope.theta is 10000 in the run and 20000 here", "--rope-theta", "20000")]
    [InlineData("learning_rate is 2E-05 in the run and 0.001 here; warmup_steps is 10 in the run and 3 here",
        "--learning-rate", "1e-3", "--warmup-steps", "3")]
    [InlineData("steps is 4 in the run and 6 here", "--epochs", "2")]
    [InlineData("lora.rank is 0 in the run and 4 here", "--lora-rank", "4")]
    [InlineData("end_share is 0 in the run and 0.25 here", "--end-share", "0.25")]
    [InlineData("train_length is 64 in the run and 32 here", "--train-length", "32")]
    [InlineData("evaluation.passkey_lengths is none in the run and 128 here", "--eval-every", "2", "--eval-passkey-lengths", "128")]
    public async Task What_decides_the_bytes_is_refused_by_name(string expected, params string[] option)
    {
        string folder = model.Path("refused-" + option[0]);
        await Begin(folder);
        string[] words = [.. Words(folder, model.Folder, "--resume"), .. option];
        (await CliRun.Of(option[0] == "--epochs" ? [.. words.Where(word => word is not ("--steps" or "4"))] : words))
            .Complained(Contract, expected, "--out");
    }

    /// <summary>Files that have the same names and another content.</summary>
    [Theory]
    [InlineData("base_model.weights"), InlineData("base_model.config"), InlineData("training_tokens"), InlineData("text.files")]
    public async Task Files_that_were_replaced_are_told_of(string what)
    {
        string folder = model.Path("replaced-" + what), own = model.Path("own-" + what), tokens = model.Path(what + ".tokens"),
            text = model.Path(what + ".jsonl"), data = what == "training_tokens" ? tokens : text;
        Copy(model.Folder, own);
        File.Copy(model.Text, text);
        (await CliRun.Of("prepare", "--model", own, "--data", text, "--out", tokens)).Succeeded();
        await BeginWith(folder, own, data);
        switch (what)
        {
            case "base_model.weights":
                byte[] bytes = File.ReadAllBytes(Path.Combine(own, Weights));
                bytes[^2] ^= 1;
                File.WriteAllBytes(Path.Combine(own, Weights), bytes);
                break;
            case "base_model.config":
                string config = File.ReadAllText(Path.Combine(own, "config.json"));
                File.WriteAllText(Path.Combine(own, "config.json"),
                    "{ \"transformers_version\": \"9.9\"," + config[(config.IndexOf('{') + 1)..]);
                break;
            case "training_tokens":
                File.WriteAllLines(text, File.ReadAllLines(text).Reverse());
                (await CliRun.Of("prepare", "--model", own, "--data", text, "--out", tokens)).Succeeded();
                break;
            default:
                File.AppendAllText(text, "\n");
                break;
        }
        (await CliRun.Of([.. Words(folder, own, "--resume", data)])).Complained(Contract, $"{what} is ", " in the run and ");
    }

    /// <summary>An adapter is merged into the weights that are trained: they are another model's with another one.</summary>
    [Fact]
    public async Task Another_adapter_is_told_of()
    {
        string folder = model.Path("adapted"), one = model.Path("adapter-one"), other = model.Path("adapter-other");
        foreach (string adapter in (string[])[one, other])
        {
            await Begin(adapter, "--lora-rank", "2", "--seed", adapter == one ? "1" : "2"); // without a config.json: an adapter of the base
        }
        await Begin(folder, "--adapter", one);
        (await CliRun.Of([.. Words(folder, model.Folder, "--resume"), "--adapter", other]))
            .Complained(Contract, "base_model.adapter is ", " in the run and ");
        (await CliRun.Of([.. Words(folder, model.Folder, "--resume"), "--adapter", one])).Succeeded();
    }

    /// <summary>The run has its tokens, and text in another place is the same text.</summary>
    [Fact]
    public async Task Text_that_was_moved_is_the_same_text()
    {
        string folder = model.Path("text-moves"), text = model.Path("passing.jsonl"), moved = model.Path("elsewhere.jsonl");
        File.Copy(model.Text, text);
        await BeginWith(folder, model.Folder, text);
        File.Move(text, moved);
        (await CliRun.Of(Words(folder, model.Folder, "--resume", moved))).Succeeded();
    }

    /// <summary>What goes with the model is what the base model had when the run began, in whatever process the run ends.</summary>
    [Theory]
    [InlineData("full"), InlineData("adapter", "--lora-rank", "4")]
    public async Task Tokenizer_files_are_those_of_the_runs_beginning(string name, params string[] more)
    {
        string folder = model.Path("kept-" + name), own = model.Path("base-" + name);
        Copy(model.Folder, own);
        File.WriteAllText(Path.Combine(own, "chat_template.jinja"), "as it began");
        string settings = File.ReadAllText(Path.Combine(own, "tokenizer_config.json"));
        await BeginWith(folder, own, model.Text, more);
        File.Delete(Path.Combine(own, "chat_template.jinja"));
        File.WriteAllText(Path.Combine(own, "tokenizer_config.json"), "{ \"a\": 1," + settings[(settings.IndexOf('{') + 1)..]);
        (await CliRun.Of([.. Words(folder, own, "--resume"), .. more])).Succeeded();
        Assert.Equal("as it began", File.ReadAllText(Path.Combine(folder, "chat_template.jinja")));
        Assert.Equal(settings, File.ReadAllText(Path.Combine(folder, "tokenizer_config.json")));
    }

    private Task Begin(string folder, params string[] more) => BeginWith(folder, model.Folder, model.Text, more);

    /// <summary>A run of four steps that has a checkpoint of the third and was ended while it did the last.</summary>
    private async Task BeginWith(string folder, string from, string data, params string[] more)
    {
        (await CliRun.Of([.. Words(folder, from, null, data), .. more, "--save-every", "3"])).Succeeded();
        File.Delete(Path.Combine(folder, "config.json"));
    }

    private string[] Words(string folder, string from, string? resume = null, string? data = null) =>
    [
        "train", "--model", from, "--data", data ?? model.Text, "--target-length", "256", "--out", folder, "--batch-size", "2",
        "--steps", "4", "--threads", "1", .. resume is null ? [] : (string[])[resume],
    ];

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }
}
