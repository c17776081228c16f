using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

/// <summary>What a tokenizer's files say and Skipwise does not do, or what they say in two ways, is refused by name.</summary>
public class TokenizerJsonRefusalTests
{
    private static readonly TinyBpe s_bytes = TinyBpe.ByteLevel(20), s_llama = TinyBpe.AcrossWords(20);

    private static ITokenizer Load(string json, string? config = null)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", json);
        if (config is not null)
        {
            folder.Write("tokenizer_config.json", config);
        }
        return TokenizerLoader.Load(folder.Path);
    }

    private static string Refusal(string json, string? config = null) => Assert.Throws<SkipwiseException>(() => Load(json, config)).Message;

    private static string Changed(string json, Action<JsonObject> change)
    {
        var file = JsonNode.Parse(json)!.AsObject();
        change(file);
        return file.ToJsonString();
    }

    [Fact]
    public void Dropout_is_refused_unless_it_is_none()
    {
        Assert.Contains("$.model.dropout is 0.1", Refusal(Changed(s_bytes.ByteLevelJson(), file => file["model"]!["dropout"] = 0.1)));
        int[] plain = Load(s_bytes.ByteLevelJson()).Encode(TinyBpe.Corpus);
        Assert.Equal(plain, Load(Changed(s_bytes.ByteLevelJson(), file => file["model"]!["dropout"] = 0.0)).Encode(TinyBpe.Corpus));
    }

    [Theory]
    [InlineData("""{"type":"RobertaProcessing","sep":["</s>",2]}""", "$.post_processor is a post-processor of type \"RobertaProcessing\"")]
    [InlineData("""{"type":"TemplateProcessing","single":[<s>,</s>,A]}""", "one special token at most")]
    [InlineData("""{"type":"TemplateProcessing","single":[<x>,A]}""", "<x>")]
    [InlineData("""{"type":"TemplateProcessing","single":[<s>,A],"special_tokens":{"<s>":{"ids":[2]}}}""", "its id is 1")]
    [InlineData("""{"type":"TemplateProcessing","single":[A,</s>]}""", "add_eos_token")]
    public void A_post_processor_that_does_something_else_than_BOS_is_refused(string shortened, string word)
    {
        string full = Regex.Replace(shortened, @"(?<=[\[,])(<[^>]*>|A)(?=[\],])", part =>
            part.Value == "A" ? """{"Sequence":{"id":"A"}}""" : $"{{\"SpecialToken\":{{\"id\":\"{part.Value}\"}}}}");
        Assert.Contains(word, Refusal(Changed(s_llama.LlamaJson(), file => file["post_processor"] = JsonNode.Parse(full))));
    }

    [Fact]
    public void An_end_token_is_refused_or_switched_off()
    {
        string ends = Changed(s_llama.LlamaJson(), file =>
            file["post_processor"]!["single"]!.AsArray().Add(JsonNode.Parse("""{"SpecialToken":{"id":"</s>"}}""")));
        Assert.True(Load(ends, """{"add_eos_token": false}""").AddsBos);
        Assert.True(Load(ends, """{"tokenizer_class": "LlamaTokenizer"}""").AddsBos);
        Assert.False(Load(ends, """{"tokenizer_class": "GPTNeoXTokenizerFast"}""").AddsBos);
    }

    [Theory]
    [InlineData("add_eos_token"), InlineData("split_special_tokens"), InlineData("do_lower_case"), InlineData("fix_mistral_regex")]
    public void A_setting_that_gives_other_ids_is_refused(string name)
    {
        Assert.Contains($"tokenizer_config.json: $.{name} is true", Refusal(s_llama.LlamaJson(), $"{{\"{name}\": true}}"));
        Assert.NotEmpty(Load(s_llama.LlamaJson(), $"{{\"{name}\": false}}").Encode("the"));
    }

    [Fact]
    public void A_space_in_front_follows_the_configuration_or_is_refused()
    {
        string with = s_bytes.ByteLevelJson(addPrefixSpace: true), without = s_bytes.ByteLevelJson();
        int[] bare = Load(without).Encode("the"), spaced = Load(without).Encode(" the");
        Assert.Equal(bare, Load(with, """{"add_prefix_space": false}""").Encode("the"));
        Assert.Equal(spaced, Load(without, """{"add_prefix_space": true}""").Encode("the"));
        Assert.Equal(bare, Load(without, "{}").Encode("the"));
        Assert.Contains("tokenizer_config.json: $ says nothing of \"add_prefix_space\"", Refusal(with, "{}"));
        string llama = s_llama.LlamaJson();
        Assert.Contains("\"add_prefix_space\": false, but tokenizer.json puts a space", Refusal(llama, """{"add_prefix_space": false}"""));
        Assert.Equal(Load(llama).Encode("the"), Load(llama, """{"add_prefix_space": true}""").Encode("the"));
        var first = JsonNode.Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""");
        Assert.Contains("\"prepend_scheme\": \"first\"", Refusal(Changed(llama, file => file["pre_tokenizer"] = first)));
    }

    [Theory]
    [InlineData("Metaspace", """{"type":"NFC"}""", false), InlineData("Digits Metaspace", "null", false)]
    [InlineData("Metaspace", """{"type":"Strip","strip_left":true,"strip_right":false}""", true)]
    [InlineData("Digits Metaspace", """{"type":"NFC"}""", true)]
    [InlineData("Metaspace", """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"}]}""", true)]
    public void A_space_at_the_start_is_refused_where_an_earlier_step_may_move_it(string steps, string normalizer, bool isRefused)
    {
        string json = Changed(s_llama.LlamaJson(), file =>
        {
            file["normalizer"] = JsonNode.Parse(normalizer);
            JsonNode[] parts = [.. steps.Split(' ').Select(step => JsonNode.Parse(step == "Digits"
                ? """{"type":"Digits","individual_digits":true}"""
                : """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""")!)];
            file["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(parts) };
        });
        if (isRefused)
        {
            Assert.Contains("changes where a text starts", Refusal(json));
        }
        else
        {
            Assert.NotEmpty(Load(json).Encode("the"));
        }
    }

    [Fact]
    public void An_id_that_Hugging_Faces_library_would_not_give_is_refused()
    {
        int free = s_bytes.Pieces.Count;
        string far = s_bytes.ByteLevelJson([TinyBpe.Added(900, "<x>")]);
        Assert.Contains($"the id 900, but Hugging Face's library gives it {free}", Refusal(far));
        Assert.Contains("the vocabulary's", Refusal(s_bytes.ByteLevelJson([TinyBpe.Added(free, "a")])));
        Assert.Contains("\"<x>\" again", Refusal(s_bytes.ByteLevelJson([TinyBpe.Added(free, "<x>"), TinyBpe.Added(free + 1, "<x>")])));
        string twin = Changed(s_bytes.ByteLevelJson(), file => file["model"]!["vocab"]!["twin"] = 0);
        Assert.Contains("$.model.vocab.twin is the token id 0", Refusal(twin));
        string config = "{\"added_tokens_decoder\": {\"" + free + "\": {\"content\": \"<y>\"}}}";
        Assert.Contains($"the id {free} is \"<x>\"", Refusal(s_bytes.ByteLevelJson([TinyBpe.Added(free, "<x>")]), config));
    }

    [Fact]
    public void Two_added_tokens_that_are_one_after_normalization_are_refused()
    {
        string json = s_bytes.Json(normalizer: new { type = "Lowercase" }, addedTokens:
            [TinyBpe.Added(276, "<x>", normalized: true), TinyBpe.Added(277, "<X>", normalized: true)]);
        Assert.Contains("are both written \"<x>\"", Refusal(json));
    }

    [Fact]
    public void The_configuration_says_which_white_space_a_token_swallows()
    {
        int free = s_bytes.Pieces.Count;
        string json = s_bytes.ByteLevelJson([TinyBpe.Added(free, "<x>")]);
        string config = "{\"added_tokens_decoder\": {\"" + free + "\": {\"content\": \"<x>\", \"lstrip\": true, \"special\": true}}}";
        Assert.Equal([.. Load(json).Encode("a "), free], Load(json).Encode("a <x>"));
        Assert.Equal([.. Load(json).Encode("a"), free], Load(json, config).Encode("a <x>"));
    }

    [Fact]
    public void A_special_token_that_only_the_configuration_names_is_found_whole()
    {
        var tiny = new TinyBpe(["<", "s", ">", "<s>"], []);
        Assert.Equal([0, 1, 2], Load(tiny.Json()).Encode("<s>"));
        Assert.Equal([3], Load(tiny.Json(), """{"bos_token": "<s>"}""").Encode("<s>"));
        Assert.Equal([3], Load(tiny.Json(), """{"additional_special_tokens": ["<s>"]}""").Encode("<s>"));
    }

    [Fact]
    public void Of_a_merge_that_is_there_twice_the_last_rank_counts()
    {
        var tiny = new TinyBpe(["a", "b", "c", "ab", "bc"], [("a", "b"), ("b", "c"), ("a", "b")]);
        Assert.Equal([0, 4], Load(tiny.Json()).Encode("abc"));
    }

    [Fact]
    public void Bytes_stand_for_a_character_that_has_all_of_them()
    {
        var tiny = new TinyBpe(["<unk>", "a", "b", "<0xC3>", "<0xA9>", "ab"], [("a", "b")]); // é has its bytes, ñ (C3 B1) has not
        var tokenizer = Load(tiny.Json(byteFallback: true, unknown: "<unk>"));
        Assert.Equal([1, 3, 4, 2], tokenizer.Encode("aéb"));
        Assert.Equal([1, 0, 2], tokenizer.Encode("añb"));
        Assert.Equal([1, 0, 2], tokenizer.Encode("aññb")); // fused
        Assert.Equal([3, 4, 0, 1], tokenizer.Encode("ñéa")); // the unknown token waits for a character that is known
        Assert.Equal([5], Load(tiny.Json(byteFallback: true)).Encode("añb")); // what vanishes lets its neighbours meet
    }

    [Fact]
    public void Letters_above_16_bits_are_letters_beside_a_single_word()
    {
        int free = s_bytes.Pieces.Count;
        var tokenizer = Load(s_bytes.ByteLevelJson([TinyBpe.Added(free, "<x>", single_word: true)]));
        Assert.DoesNotContain(free, tokenizer.Encode("𝐀<x>"));
        Assert.Contains(free, tokenizer.Encode("😀<x>😀"));
    }

    [Fact]
    public void Normalizers_take_every_text()
    {
        Assert.Equal("\uFFFEé\uFFFE", Normalizers.Nfc("\uFFFEe\u0301\uFFFE", true));
        using var folder = new TempFolder();
        var lower = Normalizers.Read(LocatedJson.Read(folder.Write("n", """{"type":"Lowercase"}""")));
        Assert.Equal("i\u0307σσ", lower("İΣΣ", true));
    }
}
