namespace Skipwise.Evaluation.Ruler;

/// <summary>The words that tasks draw from.</summary>
internal static class RulerWords
{
    public static readonly string[] Adjectives = List(
        """
        able ample amber ancient angry arctic autumn awake azure bitter blank bold brave brief bright brisk broad bronze busy calm careful
        cheerful chilly clean clear clever cloudy coarse cold cosy crisp curious damp daring dark deep dense dim distant double dry dusty
        eager
        early eastern easy elegant empty even faint fair faithful famous fancy fast fierce fine firm flat fluffy fond formal foggy free
        fresh
        friendly frosty full gentle giant glad gleaming golden grand grateful grave great green grim handy happy hard hasty heavy hidden
        high
        hollow honest hungry icy idle jolly keen kind large late lazy light little lively lonely long loud lovely loyal lucky mellow merry
        mighty
        mild misty modest narrow neat nimble noble noisy northern odd old open orange pale patient plain pleasant plump polite proud pure
        purple
        quick quiet rapid rare ready rich ripe rough round royal rusty sandy scarlet serious shallow sharp shiny short shy silent silver
        simple
        sleepy slender slow small smart smooth soft solemn sour southern spare steady steep stormy strange strong sturdy sudden sunny
        sweet swift
        tall tame tender thick thin thirsty tidy tiny tired tough upper useful vast violet warm weary western wide wild windy wise wooden
        young
        """);

    public static readonly string[] Nouns = List(
        """
        acorn anchor apple apron arrow badge bakery balcony bamboo banjo barn basin basket beacon beaver bell bench berry blanket bonnet
        bottle
        bridge brook broom bucket buckle butter button cabin camel canal candle canoe canyon carpet carrot castle cave cedar cellar chair
        chapel
        cherry chimney cliff cloak clock clover coach comet compass copper cork cottage cousin cradle crane cricket crown cup curtain
        daisy dance
        deer desert dish dolphin donkey door dragon drum eagle elbow elm engine falcon farm feather fence fern ferry fiddle field finger
        flag
        flute forest fountain fox garden garlic gate ginger glacier glove goose grape guitar hammer harbor harp harvest hat hazel hedge
        helmet
        heron hill honey horizon horn horse inn island ivory jacket jar jewel judge kettle kitchen kite ladder lagoon lake lamp lantern lark
        laurel leaf lemon letter lily lion lizard lobster locket lotus magnet mango maple marble market meadow melon mill mirror mitten
        monkey
        moon moth mountain mule museum needle nest oak oar ocean olive onion orchard otter oven owl paddle palace panther paper parrot
        pasture
        peach pearl pebble pencil pepper piano pigeon pillow pine pirate planet plate plum pocket pond poppy potato prairie puddle pumpkin
        puzzle quarry quilt rabbit radish raft raven ribbon river road robin rocket roof rope rose sail salmon school shadow shell
        shepherd ship
        shovel sparrow spider spoon squirrel stable star statue stone stove street sugar summit swan sword table tailor teapot temple
        thimble
        thistle thunder tiger timber tower train trumpet tulip tunnel turnip turtle valley vase velvet village violin wagon walnut water
        whale
        wheat wheel whistle willow window winter wizard wolf wreath yard zebra
        """);

    private static readonly string[] s_heads = List(
        """
        amber apple arrow ash autumn barn bay bear bell birch bird black blue book brick bright broad brook cave cedar chalk cherry clay
        clear
        cloud coal cold copper corn crow crystal dawn deer dew drift dusk dust eagle east ember fair fern fire flint fog fox frost glass
        gold
        goose grass grey hail hawk hazel heath high hollow honey horse ice iron ivory jade lark leaf lily lime long maple marsh mill mint
        mist moon moss north oak olive owl pearl pine plum rain raven reed rose salt sand sea shadow silver sky snow spring star steel
        storm sun
        swan thorn tide timber vine west wheat white wild willow wind winter wolf wood
        """);

    private static readonly string[] s_tails = List(
        """
        bank barrow basin beam bench berg bolt borough bourne bower bridge burrow castle chase cliff coat coast cottage court cove creek
        crest
        cross crown dale dell den drum ferry field finch flower ford forge garden gate glade glen grove gulch harbor haven hearth hedge
        hill holm house isle keep kettle ladder lake lamp land lane latch light lock lodge meadow mere moor mount needle nest orchard pass
        path
        peak pool port quay ridge road rock row run shade shell shire shore side spire stead stone stream tail tower town trail vale view
        ward
        water way well wharf wing yard
        """);

    /// <summary>Thousands of distinct compound words. No word is a substring of another, so a match in an answer is unambiguous.</summary>
    public static readonly IReadOnlyList<string> Listed =
        [.. s_heads.SelectMany(head => s_tails.Where(tail => tail != head).Select(tail => head + tail))];

    private static string[] List(string words) => words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
